#!/usr/bin/env python3
"""Writes an image's archive from a description on standard input.

    image.py docker|oci|plain OUT none|gzip|zstd [digest|layer|config] <SPEC

SPEC is {"config": {...}, "layers": [[ENTRY, ...], ...]}; an ENTRY is [KIND, NAME, VALUE], KIND one of file, dir,
link, hard, device, copy (of the host's file VALUE). The last word says what is made wrong.
"""
import gzip, hashlib, io, json, subprocess, sys, tarfile

KINDS = {"file": tarfile.REGTYPE, "copy": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE,
         "hard": tarfile.LNKTYPE, "device": tarfile.BLKTYPE}


def add(tar, kind, name, value):
    info = tarfile.TarInfo(name)
    info.type = KINDS[kind]
    info.mode = 0o755 if kind in ("dir", "copy") else 0o644
    data = b""
    if kind == "file":
        data = value.encode()
    elif kind == "copy":
        data = open(value, "rb").read()
    elif kind in ("link", "hard"):
        info.linkname = value
    elif kind == "device":
        info.devmajor, info.devminor = 8, 0
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def layer(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            add(tar, *entry)
    return out.getvalue()


def pack(data, how):
    if how == "gzip":
        return gzip.compress(data)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def digest(data):
    return hashlib.sha256(data).hexdigest()


def spoil(data):
    return data[:600] + bytes([data[600] ^ 1]) + data[601:] if len(data) > 600 else data + b" "


def main(kind, path, how, wrong=""):
    spec = json.load(sys.stdin)
    plain = [layer(entries) for entries in spec["layers"]]
    if kind == "plain":
        open(path, "wb").write(pack(plain[0], how))
        return
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": spec.get("config", {}),
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(one) for one in plain]}}).encode()
    if wrong == "layer":
        plain[0] = spoil(plain[0])
    packed = [pack(one, how) for one in plain]
    files = []
    if kind == "docker":
        names = [digest(one) + "/layer.tar" for one in packed]
        files = list(zip(names, packed)) + [(digest(config) + ".json", spoil(config) if wrong == "config" else config)]
        files.append(("manifest.json", json.dumps([{"Config": digest(config) + ".json", "RepoTags": None,
                                                    "Layers": names}]).encode()))
    else:
        manifest = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:" + digest(config)},
                               "layers": [{"digest": "sha256:" + digest(one)} for one in packed]}).encode()
        foreign = {"digest": "sha256:" + "0" * 64, "platform": {"architecture": "unknown", "os": "unknown"}}
        index = {"schemaVersion": 2, "manifests": [foreign, {"digest": "sha256:" + digest(manifest)}]}
        blobs = packed + [config, manifest]
        files = [("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'), ("index.json", json.dumps(index).encode())]
        files += [("blobs/sha256/" + digest(one), spoil(one) if wrong == "digest" and one is packed[-1] else one)
                  for one in blobs]
    with tarfile.open(path, "w") as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


main(*sys.argv[1:])
