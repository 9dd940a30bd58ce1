# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made of libvirt's answers, and which settings are refused; the conformance suite runs the machines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._domain_template import NAMESPACE
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._libvirt import LibvirtDriver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

DEFAULTS = {name: option.get("default") for name, option in LibvirtDriver.options.items()}


class Modules:
    """Answers as libvirt_domains_info does; the others do what they are told, but with the machines that cannot."""

    def __init__(self, *domains: dict[str, Any], broken: str = "") -> None:
        self.domains, self.broken = domains, broken
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, module: str, arguments: Mapping[str, Any], host: str | None = None) -> dict[str, Any]:
        assert host == "kvm1"
        given = dict(arguments)
        assert given.pop("uri") == "qemu:///system"
        self.calls.append((module.rpartition(".")[2], given))
        if self.broken and given.get("name") == self.broken:
            return {"failed": True, "msg": "internal error: it is broken"}
        return {"changed": False, "domains": list(self.domains)}


def driver(folder: Path, modules: Modules, text: str = "<domain>{port}</domain>", **options: Any) -> LibvirtDriver:
    path = folder / "domain.xml"
    path.write_text(text)
    given = {**DEFAULTS, "template": str(path), "host": "kvm1", **options}
    return LibvirtDriver(Context("chat", "cellar", given, modules))


def domain(index: int, state: str = "running", reason: str | None = None, **mark: str) -> dict[str, Any]:
    uuid = f"uuid-{index}"
    own = {"cluster": "chat", "pool": "cellar", "uuid": uuid, "index": str(index), "port": str(20000 + index)}
    return {
        "name": f"chat-{index}",
        "uuid": uuid,
        "state": state,
        "reason": reason,
        "address_problem": None,
        "addresses": [f"192.168.122.{index}", "10.0.0.1"] if state in ("running", "paused") else [],
        "metadata": {**own, "created_at": "1796048389.110", **mark},
    }


def report(index: int, **more: Any) -> Reported:
    return Reported(
        **{
            "name": f"chat-{index}",
            "index": index,
            "pool": "cellar",
            "address": f"192.168.122.{index}",
            "port": 20000 + index,
            "created_at": 1796048389.11,
            "uid": f"uuid-{index}",
            "outdated": True,
            **more,
        }
    )


def test_only_what_has_our_mark_is_ours(tmp_path: Path) -> None:
    others = [domain(2, cluster="push"), domain(3, pool="attic"), domain(4, uuid="of what it was cloned from")]
    modules = Modules(domain(1), *others)
    assert driver(tmp_path, modules).status() == [report(1)]
    assert modules.calls == [("libvirt_domains_info", {"namespace": NAMESPACE, "address_source": "lease"})]


@pytest.mark.parametrize(
    ("state", "reason", "found"),
    [
        ("blocked", None, {"address": None}),
        ("paused", None, {"paused": True}),
        ("shutdown", None, {"address": None}),
        ("pmsuspended", None, {"address": None}),
        ("crashed", None, {"address": None, "running": False, "reason": "its system has crashed"}),
        ("shutoff", "unknown", {"address": None, "running": False, "reason": "it is shut off"}),
        ("shutoff", "shutdown", {"address": None, "running": False, "reason": "its system has shut down"}),
        ("shutoff", "destroyed", {"address": None, "running": False, "reason": "it was destroyed"}),
        ("shutoff", "crashed", {"address": None, "running": False, "reason": "its QEMU has crashed"}),
        ("shutoff", "saved", {"address": None, "running": False, "reason": "it is shut off (saved)"}),
    ],
)
def test_what_a_state_means(tmp_path: Path, state: str, reason: str | None, found: dict[str, Any]) -> None:
    assert driver(tmp_path, Modules(domain(1, state, reason))).status() == [report(1, **found)]


def test_why_an_address_is_not_known_is_said(tmp_path: Path) -> None:
    modules = Modules(domain(1) | {"addresses": [], "address_problem": "QEMU guest agent is\nnot connected"})
    assert driver(tmp_path, modules, address_source="agent").status() == [
        report(1, address=None, reason="QEMU guest agent is not connected")
    ]


def test_addresses_and_ports_can_be_fixed(tmp_path: Path) -> None:
    options = {"address_source": "fixed", "address": "{name}.lan", "service_port": 80}
    modules = Modules(domain(1), domain(2))
    (first, second) = driver(tmp_path, modules, **options).status()
    assert (first.address, first.port) == ("chat-1.lan", 80)
    assert (second.address, second.port) == ("chat-2.lan", 80)
    assert modules.calls == [("libvirt_domains_info", {"namespace": NAMESPACE})]


def test_what_is_started_is_known_again_and_outdated_once_the_settings_change(tmp_path: Path) -> None:
    modules = Modules(domain(7, port="20000"))  # has the first port
    pool = driver(tmp_path, modules)
    pool.status()
    assert pool.start([Order("chat-1", 1), Order("chat-2", 2)]) == {}
    defined = [ElementTree.fromstring(given["xml"]) for _module, given in modules.calls if "xml" in given]
    modules.domains = tuple(seen(element) for element in defined)
    first, second = pool.status()
    assert (first.name, first.index, first.port, first.outdated) == ("chat-1", 1, 20001, False)
    assert (second.name, second.index, second.port, second.outdated) == ("chat-2", 2, 20002, False)
    assert first.uid == defined[0].findtext("uuid") != second.uid
    newer = driver(tmp_path, modules, text="<domain>{port} and more</domain>")
    assert [one.outdated for one in newer.status()] == [True, True]


def seen(defined: ElementTree.Element) -> dict[str, Any]:
    """A domain, by its XML, as libvirt_domains_info sees it once it runs."""
    mark = defined.find(f"metadata/{{{NAMESPACE}}}instance")
    assert mark is not None
    names = {"name": defined.findtext("name"), "uuid": defined.findtext("uuid")}
    return domain(0) | names | {"metadata": mark.attrib}


def test_a_pause_ends_before_a_stop_and_the_ended_are_cleared_away(tmp_path: Path) -> None:
    disk = {"storage_pool": "images", "volume": "chat-3.qcow2"}
    modules = Modules(domain(1), domain(2, "paused"), domain(3, "shutoff", "shutdown", **disk), domain(4, "crashed"))
    pool = driver(tmp_path, modules)
    there = pool.status()
    modules.calls.clear()
    pool.stop(there)
    metadata = ["managed_save", "snapshots_metadata", "checkpoints_metadata", "nvram"]
    assert modules.calls == [
        ("virt", {"name": "chat-1", "state": "shutdown"}),
        ("virt", {"name": "chat-2", "state": "running"}),
        ("virt", {"name": "chat-2", "state": "shutdown"}),
        ("virt_volume", {"pool": "images", "state": "absent", "name": "chat-3.qcow2"}),
        ("virt", {"name": "chat-3", "command": "undefine", "flags": metadata}),
        ("virt", {"name": "chat-4", "state": "destroyed"}),
        ("virt", {"name": "chat-4", "command": "undefine", "flags": metadata}),
    ]
    modules.calls.clear()
    pool.stop(there[:2], kill=True)
    assert modules.calls == [("virt", {"name": f"chat-{index}", "state": "destroyed"}) for index in (1, 2)]


def test_one_that_fails_keeps_no_other_from_its_end(tmp_path: Path) -> None:
    modules = Modules(domain(1), domain(2), broken="chat-1")
    pool = driver(tmp_path, modules)
    with pytest.raises(AutoscaleError, match=r"^chat-1: libvirt: internal error: it is broken$"):
        pool.stop(pool.status())
    assert modules.calls[-1] == ("virt", {"name": "chat-2", "state": "shutdown"})


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("<domain>{port}{disk}</domain>", {}, "base_image: the template has {disk}, which needs it"),
        ("<domain>{port}</domain>", {"base_image": "/a"}, "does not use {disk}, which base_image is for"),
        ("<domain>{address}</domain>", {}, "address_source: the template has {address}, which needs it to be fixed"),
        ("<domain/>", {}, "service_port: expected the port that the service listens on, or {port} in the template"),
        ("<domain>{port}</domain>", {"port_range": "80"}, "port_range: expected two ports from 1024 to 65535"),
    ],
)
def test_options_that_do_not_fit_the_template_are_refused(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError) as raised:
        driver(tmp_path, Modules(), text, **options)
    assert message in str(raised.value)
