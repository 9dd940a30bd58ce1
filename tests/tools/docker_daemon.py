# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Docker daemon of the tests' own, without systemd: own socket, own images, own bridge.

It leaves the machine as it was. Its mounts are in a namespace of its own and go with it. It writes no firewall rules
and does not turn on forwarding: Docker's proxy serves published ports, so a container can be reached from here, there
or with the network `host`, and reaches nobody but its neighbours. Docker then warns that IPv4 forwarding is disabled.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.rlops.autoscale.tests.tools.skipping import UnavailableError
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for


def docker(host: str, *arguments: str) -> str:
    """What a command of the Docker client prints; fails with what it says. `host` is a value of DOCKER_HOST."""
    done = subprocess.run(["docker", "-H", host, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def docker_daemon() -> Iterator[str]:
    """Its DOCKER_HOST; what is in it goes with it at the end. Raises UnavailableError where none can be had."""
    _check_machine()
    # Not in pytest's folder: the path of a socket has room for 107 characters.
    with tempfile.TemporaryDirectory(prefix="docker-", dir="/tmp") as folder, _bridge() as (bridge, net):
        host = f"unix://{folder}/docker.sock"
        command = ["setpriv", "--pdeathsig=TERM"]  # ends with the tests, even if they are killed
        command += ["unshare", "--mount", "dockerd", f"--host={host}", f"--pidfile={folder}/docker.pid"]
        command += [f"--data-root={folder}/data", f"--exec-root={folder}/run", f"--bridge={bridge}"]
        command += [f"--default-address-pool=base=198.19.{net}.0/24,size=27"]  # of further networks
        command += [f"--{flag}=false" for flag in ("iptables", "ip6tables", "ip-masq", "ip-forward")]
        log = Path(folder, "docker.log")
        with log.open("w") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_for(lambda: _answers(host, process, log), 120)  # where three start at once
            with _emptied(host):
                yield host
        finally:
            process.terminate()
            process.wait(60)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise UnavailableError("a Docker daemon needs root")
    for program in ("dockerd", "docker", "docker-init", "ip", "setpriv", "unshare"):
        if not shutil.which(program):
            raise UnavailableError(f"{program} is not installed")
    if " cgroup" not in Path("/proc/self/mounts").read_text():
        raise UnavailableError("no control groups are mounted (Debian: cgroupfs-mount)")


@contextmanager
def _bridge() -> Iterator[tuple[str, int]]:
    """A bridge of a name that is free, and the x of its network 198.18.x.0/24, one of those reserved for tests.

    Docker's usual bridge is left to the machine's own daemon, if there is one.
    """
    for net in random.sample(range(256), 20):
        bridge = f"autoscale-{net}"
        made = subprocess.run(
            ["ip", "link", "add", bridge, "type", "bridge"], capture_output=True, text=True, check=False
        )
        if "File exists" not in made.stderr:
            break
    if made.returncode != 0:
        raise UnavailableError(f"no network bridge can be made: {made.stderr.strip()}")
    try:
        subprocess.run(["ip", "address", "add", f"198.18.{net}.1/24", "dev", bridge], check=True)
        subprocess.run(["ip", "link", "set", bridge, "up"], check=True)
        yield bridge, net
    finally:
        subprocess.run(["ip", "link", "delete", bridge], check=True)


@contextmanager
def _emptied(host: str) -> Iterator[None]:
    """Remove all containers and networks at the end; the daemon itself would leave the networks' bridges."""
    try:
        yield
    finally:
        for container in docker(host, "ps", "--all", "--quiet").split():
            docker(host, "rm", "--force", container)
        docker(host, "network", "prune", "--force")


def _answers(host: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise UnavailableError(f"dockerd ended: {log.read_text().strip().splitlines()[-1]}")
    return subprocess.run(["docker", "-H", host, "info"], capture_output=True, check=False).returncode == 0
