# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backend libvirt has to show: pools that spill, disks, machines of others, machines that crash."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for

from .scenario import Scenario
from .scenario_libvirt import LibvirtScenario

pytestmark = pytest.mark.slow

DISK = '<disk type="file"><driver type="qcow2"/><source file="{disk}"/><target dev="vda" bus="virtio"/></disk>'


@pytest.fixture
def cluster(make_scenario: Callable[[str], Scenario]) -> LibvirtScenario:
    scenario = make_scenario("libvirt")
    assert isinstance(scenario, LibvirtScenario)
    return scenario


@pytest.fixture
def images(cluster: LibvirtScenario) -> Path:
    """Folder of a storage pool with the image `base.qcow2`, over which the cluster's machines get their disks."""
    folder = cluster.libvirt.new_folder()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "base.qcow2"), "16M"], check=True)
    cluster.libvirt.virsh("pool-create-as", folder.name, "dir", "--target", str(folder))
    template = cluster.machine.template.replace("<devices>", f"<devices>{DISK}")
    (cluster.home / "domain.xml").write_text(template)
    pool = cluster.settings["autoscale_pools"][0]
    pool.update(base_image=str(folder / "base.qcow2"), storage_pool=folder.name)
    return folder


def pools(run: Any) -> list[tuple[str, str]]:
    return sorted((i["name"], i["pool"]) for i in run.result["instances"])


def test_a_full_pool_spills_to_the_next_and_comes_back_in_reverse(
    cluster: LibvirtScenario, make_scenario: Callable[[str], Scenario]
) -> None:
    processes = make_scenario("local")
    machines = cluster.settings["autoscale_pools"][0] | {"name": "cellar", "max": 2}
    cluster.settings["autoscale_pools"] = [machines, *processes.settings["autoscale_pools"]]
    try:
        run = cluster.reach(4)
        assert pools(run) == [("chat-1", "cellar"), ("chat-2", "cellar"), ("chat-3", "local"), ("chat-4", "local")]
        assert sorted(cluster.running()) == ["chat-1", "chat-2"]
        assert sorted(processes.running()) == ["chat-3", "chat-4"]
        there = cluster.running()
        assert pools(cluster.reach(3)) == [("chat-1", "cellar"), ("chat-2", "cellar"), ("chat-3", "local")]
        assert pools(cluster.reach(1)) == [("chat-1", "cellar")]
        assert cluster.running() == {"chat-1": there["chat-1"]}
        assert processes.running() == {}
    finally:
        cluster.reach(0)


def test_a_disk_over_the_base_image_is_made_and_removed(cluster: LibvirtScenario, images: Path) -> None:
    base = (images / "base.qcow2").read_bytes()
    cluster.reach(1)
    (disk,) = (path for path in images.iterdir() if path.name != "base.qcow2")
    assert str(disk) in cluster.libvirt.virsh("domblklist", "chat-1")
    told = subprocess.run(["qemu-img", "info", "-U", "--output=json", str(disk)], stdout=subprocess.PIPE, check=True)
    about = json.loads(told.stdout)
    assert about["backing-filename"] == str(images / "base.qcow2")
    assert about["virtual-size"] == 16 * 2**20
    # Others than those that are there now may need their own.
    assert [i["outdated"] for i in cluster.status()["instances"]] == [False]
    cluster.settings["autoscale_pools"][0]["base_image"] = str(images / "newer.qcow2")
    assert [i["outdated"] for i in cluster.status()["instances"]] == [True]

    cluster.reach(0)
    assert cluster.libvirt.virsh("list", "--all", "--name") == ""
    assert [path.name for path in images.iterdir()] == ["base.qcow2"]
    assert (images / "base.qcow2").read_bytes() == base


def test_a_start_that_fails_leaves_nothing_behind(cluster: LibvirtScenario, images: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        cluster.settings["autoscale_pools"][0]["port_range"] = f"{port}-{port}"
        run = cluster.converge(2)
    assert {failure["name"]: failure["reason"] for failure in run.result["failed_instances"]} == {
        "chat-1": f"libvirt: QEMU: Could not set up host forwarding rule 'tcp:127.0.0.1:{port}-:80'",
        "chat-2": f"port_range: no port is free in {port}-{port}",
    }
    assert cluster.libvirt.virsh("list", "--all", "--name") == ""
    assert [path.name for path in images.iterdir()] == ["base.qcow2"]


def test_a_domain_of_others_with_our_name_is_left_alone(cluster: LibvirtScenario) -> None:
    domain = cluster.home / "theirs.xml"
    domain.write_text(cluster.machine.template.format(name="chat-1", port=32701, index=1))
    cluster.libvirt.virsh("define", str(domain))
    theirs = cluster.libvirt.virsh("dumpxml", "chat-1")

    run = cluster.converge(2)
    (failure,) = run.result["failed_instances"]
    assert failure["name"] == "chat-1"
    assert failure["reason"] == "a domain of that name is there, which is not of this pool"
    assert [i["name"] for i in cluster.status()["instances"]] == ["chat-2"]
    cluster.reach(0)
    assert cluster.libvirt.virsh("dumpxml", "chat-1") == theirs
    assert cluster.running() == {}


def test_who_has_no_address_boots_and_it_is_said_why(cluster: LibvirtScenario) -> None:
    cluster.settings["autoscale_pools"][0]["address_source"] = "agent"
    cluster.converge(1)
    (instance,) = cluster.status()["instances"]
    assert (instance["state"], instance["address"]) == ("booting", None)
    said = "its address is not known yet; argument unsupported: QEMU guest agent is not configured"
    assert instance["reason"] == said


def test_a_crash_of_qemu_is_said_and_repaired(cluster: LibvirtScenario) -> None:
    cluster.reach(1)
    before = cluster.running()
    os.kill(qemu(cluster, "chat-1"), signal.SIGKILL)
    wait_for(lambda: not cluster.running())
    run = cluster.reach(1)
    assert run.result["failed_instances"] == [
        {"name": "chat-1", "reason": "its QEMU has crashed", "was_ready": True},
    ]
    assert cluster.running().keys() - before.keys() == {"chat-2"}
    assert cluster.libvirt.virsh("list", "--all", "--name") == "chat-2"


def qemu(cluster: LibvirtScenario, name: str) -> int:
    """Process of a machine; libvirt knows it by another number, in a namespace of its own."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            words = (process / "cmdline").read_text().split("\0")
            if any(word.startswith(f"guest={name},") for word in words) and str(cluster.libvirt.folder) in str(words):
                return int(process.name)
    raise AssertionError(f"no process of {name}")
