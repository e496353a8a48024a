"""The bundle all parts share: the tests' root file system and config.json, as tests/lib/bundle.bash makes them.

Must not start containers.
"""

import json
import os
import subprocess

from measure import Failure

MAKE_BUNDLE = """
set -euo pipefail
source "$TOP/tests/lib/bundle.bash"
bundle_new "$1"
"""


class Bundle:
    def __init__(self, top, directory, group):
        self.group = group  # the control group all containers belong below
        self.counter = 0
        self.directory = os.path.join(directory, "bundle")
        environment = {**os.environ, "TOP": top, "BUILD": f"{top}/build", "BATS_RUN_TMPDIR": directory}
        done = subprocess.run(["bash", "-c", MAKE_BUNDLE, "bash", self.directory], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"making a bundle: {done.stderr.decode().strip()}")

    @property
    def rootfs(self):
        return os.path.join(self.directory, "rootfs")

    def set_args(self, *args, network=None):
        """`network` is the path of a network namespace; without one the container gets an empty one."""
        path = os.path.join(self.directory, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["process"]["args"] = list(args)
        for namespace in config["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace.pop("path", None)
                namespace.update({"path": network} if network else {})
        # Each in a group of its own: a runtime may refuse one that another container is in.
        self.counter += 1
        config["linux"]["cgroupsPath"] = f"/{self.group}/container-{self.counter}"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
