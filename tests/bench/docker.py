"""A private docker, as the engine tests have it (tests/lib/docker.bash). Must not outlive the bench."""

import os
import subprocess

from measure import Failure, time_limit

START_LIMIT_S = 90

# The daemons are children of this shell, which waits for its input's end, whatever way the bench ends.
HOLD_DOCKER = """
set -uo pipefail
CALL_LIMIT_S=60 WAIT_LIMIT_S=30
source "$TOP/tests/lib/wait.bash"
source "$TOP/tests/lib/bundle.bash"
source "$TOP/tests/lib/docker.bash"
docker_start >&2 || { docker_stop; exit 1; }
echo ready
read -r _
docker_stop
"""


class Docker:
    def __init__(self, top, vmrt, directory):
        environment = {**os.environ, "TOP": top, "BUILD": f"{top}/build", "VMRT": vmrt,
                       "BATS_RUN_TMPDIR": directory, "BATS_FILE_TMPDIR": directory}
        self.socket = os.path.join(directory, "docker", "docker.sock")
        self.log = open(os.path.join(directory, "docker.log"), "w+b")
        self.holder = subprocess.Popen(["bash", "-c", HOLD_DOCKER], env=environment, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=self.log)
        with time_limit(START_LIMIT_S, "the start of a private docker"):
            if self.holder.stdout.readline() != b"ready\n":
                self.log.seek(0)
                raise Failure(f"docker does not start: {self.log.read().decode().strip()}")

    def command(self, *words):
        return ["docker", "-H", f"unix://{self.socket}", *words]

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()
        self.log.close()
