# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module, with libvirt's own bindings and the hypervisor that libvirt has for tests, which also makes up leases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.skipping import skip_or_fail

pytestmark = pytest.mark.slow

PYTHON = "/usr/bin/python3"  # libvirt's bindings are a package of the system
NAMESPACE = "https://example.org/marks"
NODE = f"""\
<node xmlns:test="http://libvirt.org/schemas/domain/test/1.0">
  <network>
    <name>default</name>
    <ip address="192.168.122.1" netmask="255.255.255.0">
      <dhcp><range start="192.168.122.10" end="192.168.122.20"/></dhcp>
    </ip>
  </network>
  <domain type="test">
    <name>chat-2</name>
    <uuid>57331614-5309-4ab7-a28d-09c6d606c128</uuid>
    <metadata><our:mark xmlns:our="{NAMESPACE}" cluster="chat" index="2"/></metadata>
    <memory>1024</memory>
    <os><type>hvm</type></os>
    <devices><interface type="network"><source network="default"/></interface></devices>
  </domain>
  <domain type="test">
    <name>chat-1</name>
    <uuid>57331614-5309-4ab7-a28d-09c6d606c129</uuid>
    <metadata><mark xmlns="{NAMESPACE}"/></metadata>
    <memory>1024</memory>
    <os><type>hvm</type></os>
    <devices><interface type="network"><source network="default"/></interface></devices>
    <test:runstate>5</test:runstate>
  </domain>
  <domain type="test">
    <name>of-somebody-else</name>
    <metadata><mark xmlns="https://example.org/others"/></metadata>
    <memory>1024</memory>
    <os><type>hvm</type></os>
  </domain>
</node>
"""
PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - rlops.autoscale.libvirt_domains_info: "{{ options }}"
      register: result
      ignore_errors: true
"""


@pytest.fixture
def info(ansible_playbook: Callable[..., Any], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Function that returns the module's result; run by `python`, under check mode."""
    if subprocess.run([PYTHON, "-c", "import libvirt"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip_or_fail("python3-libvirt is not installed")
    node = tmp_path / "node.xml"
    node.write_text(NODE)

    def run(python: str = PYTHON, **options: str) -> dict[str, Any]:
        options = {"uri": f"test://{node}", "namespace": NAMESPACE, **options}
        variables = {"ansible_connection": "local", "ansible_python_interpreter": python}
        done = ansible_playbook(PLAYBOOK, extra_vars={**variables, "options": options}, check=True)
        assert done.rc == 0, done.output
        return dict(done.registered["result"])

    return run


def test_lists_the_domains_with_such_metadata(info: Callable[..., dict[str, Any]]) -> None:
    result = info()
    assert result["changed"] is False
    assert result["domains"] == [
        {
            "name": "chat-1",
            "uuid": "57331614-5309-4ab7-a28d-09c6d606c129",
            "state": "shutoff",
            "reason": "unknown",
            "addresses": [],
            "address_problem": None,
            "metadata": {},
        },
        {
            "name": "chat-2",
            "uuid": "57331614-5309-4ab7-a28d-09c6d606c128",
            "state": "running",
            "reason": None,
            "addresses": [],
            "address_problem": None,
            "metadata": {"cluster": "chat", "index": "2"},
        },
    ]


@pytest.mark.parametrize("source", ["lease", "agent", "arp"])
def test_addresses_are_those_of_what_runs(info: Callable[..., dict[str, Any]], source: str) -> None:
    shut_off, running = info(address_source=source)["domains"]
    assert shut_off["addresses"] == []
    (address,) = running["addresses"]
    assert address.startswith("192.168.122.")


def test_says_why_it_cannot_tell(info: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    nowhere = f"qemu+unix:///session?socket={tmp_path}/none"
    result = info(uri=nowhere)
    assert result["failed"] is True
    assert result["msg"] == f"{nowhere}: Failed to connect socket to '{tmp_path}/none': No such file or directory"
    assert f"libvirt cannot be imported by {sys.executable}: install " in info(python=sys.executable)["msg"]
