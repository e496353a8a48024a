"""What malformed or hostile input there is, from tables: nobody writes hundreds of files by hand.

A case is a name, a function that makes the input, and a pattern that the one line of the answer must match: as a rule
the path of the member that is wrong. Must not run anything.
"""

import copy
import json

STRING, NUMBER, BOOLEAN, ARRAY, OBJECT = "string", "number", "boolean", "array", "object"
SAMPLES = {STRING: "text", NUMBER: 7, BOOLEAN: True, ARRAY: [], OBJECT: {}}
LONG = "x" * 5000

# Every member that is read, by its path and type. "*" is the first element of a list that is made for it.
TYPES = """
ociVersion string
root object
root.path string
root.readonly boolean
hostname string
domainname string
process object
process.terminal boolean
process.consoleSize object
process.consoleSize.height number
process.consoleSize.width number
process.user object
process.user.uid number
process.user.gid number
process.user.umask number
process.user.additionalGids array
process.user.additionalGids.* number
process.args array
process.args.* string
process.env array
process.env.* string
process.cwd string
process.capabilities object
process.capabilities.bounding array
process.capabilities.effective.* string
process.capabilities.inheritable.* string
process.capabilities.permitted.* string
process.capabilities.ambient array
process.rlimits array
process.rlimits.* object
process.rlimits.*.type string
process.rlimits.*.soft number
process.rlimits.*.hard number
process.noNewPrivileges boolean
process.apparmorProfile string
process.selinuxLabel string
process.oomScoreAdj number
process.scheduler object
process.scheduler.policy string
process.scheduler.nice number
process.ioPriority object
process.ioPriority.class string
process.ioPriority.priority number
mounts array
mounts.* object
mounts.*.destination string
mounts.*.type string
mounts.*.source string
mounts.*.options array
mounts.*.options.* string
hooks object
hooks.prestart array
hooks.prestart.* object
hooks.createRuntime.*.path string
hooks.createRuntime.*.args array
hooks.createRuntime.*.args.* string
hooks.poststop.*.env array
hooks.poststop.*.timeout number
annotations object
annotations.key string
vm object
vm.hwConfig.vcpus number
vm.hwConfig.memory number
vm.kernel object
linux object
linux.uidMappings array
linux.uidMappings.* object
linux.uidMappings.*.containerID number
linux.uidMappings.*.hostID number
linux.uidMappings.*.size number
linux.gidMappings.*.size number
linux.sysctl object
linux.sysctl.key string
linux.cgroupsPath string
linux.namespaces array
linux.namespaces.* object
linux.namespaces.*.type string
linux.namespaces.*.path string
linux.devices array
linux.devices.* object
linux.devices.*.type string
linux.devices.*.path string
linux.devices.*.major number
linux.devices.*.minor number
linux.devices.*.fileMode number
linux.devices.*.uid number
linux.devices.*.gid number
linux.seccomp object
linux.seccomp.defaultAction string
linux.seccomp.architectures array
linux.seccomp.architectures.* string
linux.seccomp.syscalls array
linux.seccomp.syscalls.* object
linux.seccomp.syscalls.*.names array
linux.seccomp.syscalls.*.names.* string
linux.seccomp.syscalls.*.action string
linux.rootfsPropagation string
linux.maskedPaths array
linux.maskedPaths.* string
linux.readonlyPaths array
linux.readonlyPaths.* string
linux.mountLabel string
linux.personality object
linux.personality.domain string
linux.resources object
linux.resources.devices array
linux.resources.devices.* object
linux.resources.devices.*.allow boolean
linux.resources.devices.*.type string
linux.resources.devices.*.major number
linux.resources.devices.*.access string
linux.resources.memory object
linux.resources.memory.limit number
linux.resources.memory.reservation number
linux.resources.memory.swap number
linux.resources.memory.swappiness number
linux.resources.memory.disableOOMKiller boolean
linux.resources.cpu object
linux.resources.cpu.shares number
linux.resources.cpu.quota number
linux.resources.cpu.period number
linux.resources.cpu.cpus string
linux.resources.cpu.mems string
linux.resources.pids object
linux.resources.pids.limit number
linux.resources.blockIO object
linux.resources.blockIO.weight number
linux.resources.hugepageLimits array
linux.resources.hugepageLimits.*.pageSize string
linux.resources.hugepageLimits.*.limit number
linux.resources.unified object
linux.resources.unified.key string
linux.timeOffsets object
"""

# Values of the right type that make no sense, or mean harm: path, value, pattern.
VALUES = [
    ("ociVersion", "2.0.0", "ociVersion"),
    ("ociVersion", LONG, "ociVersion"),
    ("root.path", "", "root.path"),
    ("root.path", "no/such/rootfs", "rootfs"),
    ("root.path", "config.json", "rootfs|config.json"),
    ("root.path", "a\0b", "root.path"),
    ("root.path", LONG, "rootfs|root.path|name too long"),
    ("hostname", LONG, "hostname"),
    ("domainname", LONG, "domainname"),
    ("process.cwd", "relative", "[Cc]wd"),
    ("process.cwd", "", "[Cc]wd"),
    ("process.args", [], "args"),
    ("process.args", ["a\0b"], "process.args"),
    ("process.env", ["A=\0"], "process.env"),
    ("process.user.uid", -1, "process.user.uid"),
    ("process.user.uid", 4294967296, "process.user.uid"),
    ("process.user.gid", 1e300, "process.user.gid"),
    ("process.user.gid", 1.5, "process.user.gid"),
    ("process.user.umask", -1, "process.user.umask"),
    ("process.user.additionalGids", [4294967296], "process.user.additionalGids"),
    ("process.oomScoreAdj", 1 << 40, "process.oomScoreAdj"),
    ("process.rlimits", [{"type": "RLIMIT_COFFEE", "soft": 1, "hard": 1}], "RLIMIT_COFFEE|rlimits"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": -1, "hard": 1}], "rlimits"),
    ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2, "RLIMIT_CORE"),
    ("process.scheduler", {"policy": "SCHED_COFFEE"}, "SCHED_COFFEE|scheduler"),
    ("process.ioPriority", {"class": "IOPRIO_CLASS_COFFEE", "priority": 1}, "ioPriority|COFFEE"),
    ("mounts", [{"destination": ""}], "mounts|destination"),
    ("mounts", [{"destination": "/x", "type": "bind", "source": "/no/such/source", "options": ["bind"]}], "/no/such/source"),
    ("mounts", [{"destination": "/x", "type": "bind", "source": "\0", "options": ["bind"]}], "mounts"),
    ("mounts", [{"type": "tmpfs", "source": "tmpfs"}], "mounts|destination"),
    ("hooks", {"prestart": [{"path": "relative"}]}, "hook|path"),
    ("hooks", {"createRuntime": [{"path": ""}]}, "hook|path"),
    ("hooks", {"createRuntime": [{"path": "/bin/true", "timeout": 0}]}, "hook|timeout"),
    ("hooks", {"createRuntime": [{"path": "/bin/true", "timeout": -1}]}, "hook|timeout"),
    ("linux.namespaces", [{"type": "pid"}, {"type": "pid"}], "duplicated ns"),
    ("linux.namespaces", [{"type": "mount", "path": "/no/such/ns"}], "namespace|/no/such/ns"),
    ("linux.namespaces", [{"type": "network", "path": "/no/such/ns"}, {"type": "mount"}], "/no/such/ns|namespace"),
    ("linux.namespaces", [{"type": "network", "path": "/etc/passwd"}, {"type": "mount"}], "/etc/passwd|namespace"),
    ("linux.sysctl", {"kernel.hostname": "x"}, "sysctl|hostname"),
    ("linux.sysctl", {"../../etc/passwd": "x"}, "sysctl|passwd"),
    ("linux.sysctl", {"": "x"}, "sysctl"),
    ("linux.devices", [{"type": "x", "path": "/dev/x"}], "devices"),
    ("linux.devices", [{"type": "c", "path": "/dev/x", "major": -5, "minor": 1}], "devices|/dev/x"),
    ("linux.devices", [{"type": "c", "path": ""}], "devices"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_COFFEE"}, "seccomp"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "X"}]}, "seccomp"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_COFFEE"]}, "seccomp"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 9, "value": 1, "op": "SCMP_CMP_EQ"}]}]}, "seccomp"),
    ("linux.seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "X"}]}]}, "seccomp"),
    ("linux.rootfsPropagation", "sideways", "rootfsPropagation|sideways"),
    ("linux.personality", {"domain": "COFFEE"}, "personality"),
    ("linux.cgroupsPath", "../../../etc", "cgroup"),
    ("linux.cgroupsPath", "/a/../../b", "cgroup"),
    ("linux.resources", {"memory": {"limit": 1 << 70}}, "memory"),
    ("linux.resources", {"cpu": {"cpus": "0-"}}, "cpus|cpuset"),
    ("linux.resources", {"cpu": {"cpus": "x"}}, "cpus|cpuset"),
    ("linux.resources", {"cpu": {"shares": -1}}, "shares"),
    ("linux.resources", {"cpu": {"period": -1}}, "period"),
    ("linux.resources", {"devices": [{"allow": True, "type": "c", "access": "xyz"}]}, "devices"),
    ("linux.resources", {"devices": [{"allow": True, "type": "z", "access": "r"}]}, "devices"),
    ("linux.resources", {"hugepageLimits": [{"pageSize": "coffee", "limit": 1}]}, "hugepage|coffee"),
    ("linux.resources", {"unified": {"../../x": "1"}}, "unified"),
    ("linux.resources", {"unified": {"a/b": "1"}}, "unified"),
    ("linux.resources", {"blockIO": {"weight": 70000}}, "weight"),
    ("linux.uidMappings", [{"containerID": 0, "hostID": 0, "size": 4294967296}], "uidMappings"),
    ("linux.timeOffsets", {"coffee": {"secs": 1}}, "timeOffsets|coffee"),
    ("linux.timeOffsets", {"monotonic": {"secs": 1, "nanosecs": 2000000000}}, "timeOffsets|nanosecs|time namespace"),
    ("vm", {"hwConfig": {"vcpus": 4294967296}}, "vm"),
    ("vm", {"hwConfig": {"memory": -1}}, "vm"),
    ("vm", {"hypervisor": {"path": "/bin/sh", "parameters": ["-c", "id"]}}, "vm.hypervisor"),
    ("vm", {"kernel": {"path": "/etc/passwd"}}, "vm"),
    ("annotations", {"io.vmrt.kernel": "../../../etc/passwd"}, "io.vmrt.kernel"),
    ("annotations", {"io.vmrt.memory": "-1"}, "io.vmrt.memory"),
    ("annotations", {"io.vmrt.vcpus": "99999999999999999999"}, "io.vmrt.vcpus"),
    ("annotations", {"io.vmrt.qemu": "/bin/sh"}, "io.vmrt.qemu|annotation"),
]

# Whole documents: name, bytes, pattern.
DOCUMENTS = [
    ("empty", b"", "config.json"),
    ("blank", b" \n\t ", "config.json"),
    ("brace", b"{", "config.json"),
    ("garbage", bytes(range(256)) * 100, "config.json"),
    ("nul", b"\0" * 1000, "config.json"),
    ("latin1", b'{"ociVersion": "\xff\xfe"}', "config.json"),
    ("surrogate", b'{"ociVersion": "\\ud800"}', "config.json|ociVersion"),
    ("bom", b"\xef\xbb\xbf{}", "config.json"),
    ("utf16", '{"ociVersion": "1.0.2"}'.encode("utf-16"), "config.json"),
    ("array", b"[]", "config.json"),
    ("number", b"1e999", "config.json"),
    ("null", b"null", "config.json"),
    ("deep arrays", b"[" * 100000, "config.json"),
    ("deep objects", b'{"a":' * 100000, "config.json"),
    ("twice", b'{"ociVersion": "1.0.2", "ociVersion": "1.0.2"}', "ociVersion"),
    ("trailing", b"{} {}", "config.json"),
    ("comment", b"{ // no\n}", "config.json"),
    ("single quotes", b"{'ociVersion': 1}", "config.json"),
    ("huge", b'{"ociVersion": "1.0.2", "x": "' + b"x" * (17 << 20) + b'"}', "config.json"),
    ("many members", b"{" + b",".join(b'"k%d":[]' % i for i in range(200000)) + b"}", "config.json|ociVersion|process"),
    ("control characters", b'{"ociVersion": "\\u001b[31m\\u0007"}', "ociVersion"),
]

ARGV = [
    (["create"], "create"),
    (["create", "a", "b"], "create"),
    (["create", "--bundle"], "bundle"),
    (["create", "--coffee", "x"], "coffee"),
    (["create", "--pid-file", "/no/such/dir/pid", "x"], "/no/such/dir/pid|config.json"),
    (["create", "--console-socket", "/no/such/socket", "x"], "/no/such/socket|console|config.json"),
    (["create", "--preserve-fds", "-1", "x"], "preserve-fds"),
    (["create", "--preserve-fds", "99999999999", "x"], "preserve-fds"),
    (["create", "--preserve-fds", "coffee", "x"], "preserve-fds"),
    (["create", "--bundle", "/no/such/bundle", "x"], "/no/such/bundle"),
    (["create", "--bundle", "/etc/passwd", "x"], "/etc/passwd"),
    (["create", ""], "id"),
    (["create", ".."], "id"),
    (["create", "a/b"], "id"),
    (["create", "../../etc"], "id"),
    (["create", "a b"], "id"),
    (["create", "a\nb"], "id"),
    (["create", "x" * 256], "id"),
    (["create", "\x1b[31m"], "id"),
    (["create", "%s%n"], "id"),
    (["run"], "run"),
    (["run", "--detach=coffee", "x"], "detach"),
    (["start"], "start"),
    (["start", "nobody"], "does not exist"),
    (["start", "../x"], "id|does not exist"),
    (["kill"], "kill"),
    (["kill", "nobody"], "does not exist"),
    (["kill", "nobody", "COFFEE"], "COFFEE|signal|does not exist"),
    (["kill", "nobody", "65"], "signal|does not exist"),
    (["kill", "nobody", "-1"], "signal|-1|does not exist"),
    (["kill", "nobody", "9", "9"], "kill"),
    (["delete"], "delete"),
    (["delete", "nobody"], "does not exist"),
    (["delete", "--force", "../x"], "id"),
    (["delete", "--force", "."], "id"),
    (["delete", "--force", ""], "id"),
    (["state"], "state"),
    (["state", "nobody"], "does not exist"),
    (["state", "../../proc/self"], "id|does not exist"),
    (["exec", "nobody", "true"], "does not exist"),
    (["exec"], "exec"),
    (["pause", "nobody"], "does not exist"),
    (["resume", "nobody"], "does not exist"),
    (["ps", "nobody"], "does not exist"),
    (["list", "--format", "coffee"], "coffee|format"),
    (["list", "x"], "list"),
    (["spec", "--bundle", "/no/such/dir"], "/no/such/dir"),
    (["coffee"], "coffee"),
    (["--coffee"], "coffee"),
    (["--root"], "root"),
    (["--root", "/proc/1/x", "create", "x"], "/proc/1/x|config.json"),
    (["--log-format", "coffee", "list"], "coffee|log-format"),
    (["--log", "/no/such/dir/log", "list"], "/no/such/dir/log"),
]

# /etc/vmrt/vmrt.json: a document, a pattern.
SETTINGS = [
    ("[]", "object"),
    ("{", "parse error"),
    ('{"accel": "warp"}', "accel"),
    ('{"accel": 1}', "accel"),
    ('{"kernel": "relative"}', "kernel"),
    ('{"kernel": "/no/such/kernel"}', "/no/such/kernel"),
    ('{"initramfs": "/no/such/initramfs"}', "/no/such/initramfs"),
    ('{"qemu": "/no/such/qemu"}', "/no/such/qemu"),
    ('{"virtiofsd": "/no/such/virtiofsd"}', "/no/such/virtiofsd"),
    ('{"memory": 1}', "memory"),
    ('{"memory": -1}', "memory"),
    ('{"memory": "1G"}', "memory"),
    ('{"vcpus": 0}', "vcpus"),
    ('{"vcpus": 1000}', "vcpus"),
    ('{"boot-timeout": 0}', "boot-timeout"),
    ('{"boot-timeout": 1e10}', "boot-timeout"),
    ('{"vm": "some"}', "vm"),
    ('{"annotations": ["io.vmrt.coffee"]}', "annotations"),
    ('{"annotations": {}}', "annotations"),
    ('{"kernels": 1}', "kernels"),
    ('{"uid-first": 0}', "uid-first"),
    ('{"uid-first": 4294967295}', "uid-first"),
    ('{"uid-first": "nobody"}', "uid-first"),
    ('{"uid-count": 0}', "uid-count"),
    ('{"uid-count": 65537}', "uid-count"),
]

# Files of a container's state directory, as a crash or an enemy may leave them: file, bytes.
STATE = [(name, data) for name in ("state.json", "monitor.pid", "config.json") for data in (
    b"", b"{", b"[]", b"null", b"\0" * 100, bytes(range(256)), b"{}", b'{"id": 7}', b'{"pid": "x"}', b"-1 0", b"1 1",
    b"99999999999999999999 1", b'{"id": "../../etc", "ociVersion": "1.0.2"}', b"[" * 20000, b"x" * (1 << 20))]


def put(document, path, value):
    """Sets a member, making what is missing on the way; returns vmrt's words for the path."""
    at, words = document, ""
    parts = path.split(".")
    for i, part in enumerate(parts):
        is_last = i == len(parts) - 1
        inner = value if is_last else ([] if parts[i + 1] == "*" else {})
        if part == "*":
            if is_last or not at or not isinstance(at[0], type(inner)):
                at[:] = [inner]
            at, words = at[0], words + "[0]"
        else:
            if is_last or not isinstance(at.get(part), type(inner)):
                at[part] = inner
            at, words = at[part], words + ("." if words else "") + part
    return words


def fill_siblings(document, path):
    """What an element needs beside the member that is wrong, so that nothing else is complained of first."""
    templates = {
        "process.rlimits.*": {"type": "RLIMIT_CORE", "soft": 1, "hard": 1},
        "mounts.*": {"destination": "/x", "type": "tmpfs", "source": "tmpfs"},
        "hooks.prestart.*": {"path": "/bin/true"},
        "hooks.createRuntime.*": {"path": "/bin/true"},
        "hooks.poststop.*": {"path": "/bin/true"},
        "linux.uidMappings.*": {"containerID": 0, "hostID": 0, "size": 1},
        "linux.gidMappings.*": {"containerID": 0, "hostID": 0, "size": 1},
        "linux.namespaces.*": {"type": "mount"},
        "linux.devices.*": {"type": "c", "path": "/dev/x", "major": 1, "minor": 3},
        "linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW"},
        "linux.seccomp.syscalls.*": {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        "linux.resources.devices.*": {"allow": True, "access": "rwm"},
        "linux.resources.hugepageLimits.*": {"pageSize": "2MB", "limit": 0},
        "process.scheduler": {"policy": "SCHED_OTHER"},
        "process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 1},
        "process.consoleSize": {"height": 1, "width": 1},
    }
    for prefix, template in templates.items():
        if path.startswith(prefix + "."):
            put(document, prefix, copy.deepcopy(template))


def wrong_types(base):
    """Every member with two types that are not its own, and with null inside of lists."""
    for line in TYPES.split("\n"):
        if not line:
            continue
        path, right = line.split()
        wrong = [kind for kind in SAMPLES if kind != right]
        for kind in (wrong[len(path) % 4], wrong[(len(path) + 1) % 4]):
            document = copy.deepcopy(base)
            fill_siblings(document, path)
            words = put(document, path, SAMPLES[kind])
            yield f"{path} as {kind}", json.dumps(document).encode(), words


def wrong_values(base):
    for path, value, pattern in VALUES:
        document = copy.deepcopy(base)
        put(document, path, value)
        yield f"{path} = {str(value)[:60]}", json.dumps(document).encode(), pattern


def process_documents(process):
    """For exec -p: a process that is no more right than config.json's."""
    for name, data, _ in DOCUMENTS:
        yield name, data, "process|args|[Cc]wd"
    for line in TYPES.split("\n"):
        if not line.startswith("process."):
            continue
        path, right = line.split()
        wrong = [kind for kind in SAMPLES if kind != right]
        document = {"process": copy.deepcopy(process)}
        fill_siblings(document, path)
        words = put(document, path, SAMPLES[wrong[len(path) % 4]])
        yield f"{path} as {wrong[len(path) % 4]}", json.dumps(document["process"]).encode(), words.split(".", 1)[1]
