# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``libvirt``: a virtual machine for each instance, with a disk over a base image if wanted.

A machine is ours by the mark in its metadata, never by its name. The mark has the UUID of the machine in it: a clone,
which has the same mark, is not ours. Disks are volumes of libvirt, which makes and removes them itself, where it runs.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import HOST_OPTION, Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order, each
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._domain_template import (
    NAMESPACE,
    DomainTemplate,
    overlay,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ports import (
    none_free,
    parse_range,
    port_of,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill

#: Address source: the option `address`. The others are looked up by libvirt.
FIXED = "fixed"

#: What goes with a domain. virt's `force` would take all its disks as well, a base image among them.
_UNDEFINED_WITH = ["managed_save", "snapshots_metadata", "checkpoints_metadata", "nvram"]

#: What stands before QEMU's own words: libvirt's, and the argument that is at fault, which may be long.
_BEFORE_QEMUS_WORDS = re.compile(r".*qemu-system-\S+: (?:-\S+ \S+: )?", re.DOTALL)


class LibvirtDriver(Driver):
    """The machines of one template under one libvirt. The uid is the domain's UUID."""

    options: ClassVar[dict[str, Any]] = HOST_OPTION | {
        "uri": {"type": "str", "default": "qemu:///system"},
        "template": {"type": "path"},
        "base_image": {"type": "str"},
        "storage_pool": {"type": "str", "default": "default"},
        "service_port": {"type": "int"},
        "port_range": {"type": "str", "default": "20000-29999"},
        "address_source": {"type": "str", "choices": ["lease", "agent", "arp", FIXED], "default": "lease"},
        "address": {"type": "str", "default": "127.0.0.1"},
    }
    required: ClassVar[tuple[str, ...]] = ("template",)
    pauses = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        options = context.options
        self._ports = parse_range(options["port_range"])
        self._template = DomainTemplate(options["template"])
        fixed = options["address_source"] == FIXED
        if options["base_image"] and not self._template.uses("disk"):
            raise self._template.error("does not use {disk}, which base_image is for")
        if self._template.uses("disk") and not options["base_image"]:
            raise OptionError("base_image", "the template has {disk}, which needs it")
        if self._template.uses("address") and not fixed:
            raise OptionError("address_source", f"the template has {{address}}, which needs it to be {FIXED}")
        if not (options["service_port"] or self._template.uses("port")):
            expected = "expected the port that the service listens on, or {port} in the template"
            raise OptionError("service_port", expected)
        self._ownership = {"cluster": context.cluster, "pool": context.name}
        self._settings = hashlib.sha256(f"{self._template.digest} {options['base_image']}".encode()).hexdigest()[:16]
        # As seen last:
        self._domains: dict[str, dict[str, Any]] = {}  # ours, by name
        self._taken: set[int] = set()  # ports of the machines of all clusters

    def status(self) -> list[Reported]:
        asked = {"uri": self.context.options["uri"], "namespace": NAMESPACE}
        if self.context.options["address_source"] != FIXED:
            asked["address_source"] = self.context.options["address_source"]
        listed = self.context.run("rlops.autoscale.libvirt_domains_info", **asked)["domains"]
        self._taken = {int(domain["metadata"]["port"]) for domain in listed if "port" in domain["metadata"]}
        self._domains = {domain["name"]: domain for domain in listed if self._owns(domain)}
        return [self._reported(domain) for domain in self._domains.values()]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        refused = {}
        for order in orders:
            try:
                self._start(order)
            except AutoscaleError as error:
                refused[order.name] = str(error)
        return refused

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        """Press the power button. A system that has not come up far enough does not notice."""

        def end(instance: Reported) -> None:
            if not instance.running:
                self._clear_away(instance.name)
            elif kill:
                self._set_state(instance.name, "destroyed")
            else:
                if instance.paused:
                    self._set_state(instance.name, "running")
                self._set_state(instance.name, "shutdown")

        each(instances, end)

    def pause(self, instances: Sequence[Reported]) -> None:
        each(instances, lambda instance: self._set_state(instance.name, "paused"))

    def resume(self, instances: Sequence[Reported]) -> None:
        each(instances, lambda instance: self._set_state(instance.name, "running"))

    def _owns(self, domain: Mapping[str, Any]) -> bool:
        mark = self._ownership | {"uuid": domain["uuid"]}
        return all(domain["metadata"].get(key) == value for key, value in mark.items())

    def _reported(self, domain: Mapping[str, Any]) -> Reported:
        name, mark, options = domain["name"], domain["metadata"], self.context.options
        values = self._values(name, int(mark["index"]))
        ended = domain["state"] in ("shutoff", "crashed")
        port = options["service_port"] or mark.get("port")
        return Reported(
            name=name,
            index=int(mark["index"]),
            pool=self.context.name,
            running=not ended,
            paused=domain["state"] == "paused",
            address=values["address"] or next(iter(domain["addresses"]), None),
            port=port and int(port),
            created_at=float(mark["created_at"]),
            reason=_why_ended(domain) if ended else domain["address_problem"] and quoted(domain["address_problem"]),
            uid=domain["uuid"],
            outdated=mark.get("settings") != self._settings,
        )

    def _values(self, name: str, index: int) -> dict[str, Any]:
        """Of the places in templates; the address is None if it is to be looked up."""
        values: dict[str, Any] = {"cluster": self.context.cluster, "index": index, "name": name}
        fixed = self.context.options["address_source"] == FIXED
        return values | {"address": fill(self.context.options["address"], values) if fixed else None}

    def _start(self, order: Order) -> None:
        """Make a disk, define the domain, start it; where this fails, nothing is left behind."""
        options, identity = self.context.options, str(uuid.uuid4())
        mark = {
            **self._ownership,
            "uuid": identity,
            "index": str(order.index),
            "created_at": f"{time.time():.3f}",
            "settings": self._settings,
        }
        port = options["service_port"]
        if not port:
            port = port_of(order.index, self._ports, self._taken)
            if port is None:
                raise AutoscaleError(none_free(options["port_range"]))
            self._taken.add(port)
            mark["port"] = str(port)
        values = self._values(order.name, order.index) | {"port": port}
        with ExitStack() as undo:
            if options["base_image"]:
                # Its name is new, so that it is certainly nobody else's.
                volume = f"{order.name}.{identity[:8]}.qcow2"
                mark |= {"storage_pool": options["storage_pool"], "volume": volume}
                values["disk"] = self._make_disk(volume)
                undo.callback(self._remove_disk, mark)
            self._virt(order.name, command="define", xml=self._template.domain(order.name, identity, values, mark))
            undo.callback(self._undefine, order.name)
            self._set_state(order.name, "running")
            undo.pop_all()

    def _clear_away(self, name: str) -> None:
        """The disk first: a run that is cut off in between leaves the domain, which tells of it."""
        if self._domains[name]["state"] == "crashed":  # and preserved: there is a process still
            self._set_state(name, "destroyed")
        self._remove_disk(self._domains[name]["metadata"])
        self._undefine(name)

    def _undefine(self, name: str) -> None:
        self._virt(name, command="undefine", flags=_UNDEFINED_WITH)

    def _set_state(self, name: str, state: str) -> None:
        """Have a domain in this state, or on its way there."""
        self._virt(name, state=state)

    def _virt(self, name: str, **arguments: Any) -> None:
        self._run("virt", name=name, **arguments)

    def _make_disk(self, volume: str) -> str:
        """Its path."""
        options = self.context.options
        xml = overlay(volume, options["base_image"])
        made = self._run("virt_volume", pool=options["storage_pool"], state="present", xml=xml)
        return str(made["create"]["path"])

    def _remove_disk(self, mark: Mapping[str, str]) -> None:
        if "volume" in mark:
            self._run("virt_volume", pool=mark["storage_pool"], state="absent", name=mark["volume"])

    def _run(self, module: str, **arguments: Any) -> dict[str, Any]:
        """The result of a module of community.libvirt. Raises AutoscaleError with libvirt's or QEMU's own words."""
        arguments = {"uri": self.context.options["uri"], **arguments}
        result = self.context.run_module(f"community.libvirt.{module}", arguments, self.context.options["host"])
        if result.get("failed"):
            raise AutoscaleError(_explained(str(result.get("msg", f"{module} failed"))))
        return result


def _explained(message: str) -> str:
    if "with a different UUID" in message:
        return "a domain of that name is there, which is not of this pool"
    return f"libvirt: {quoted(_BEFORE_QEMUS_WORDS.sub('QEMU: ', message))}"


def _why_ended(domain: Mapping[str, Any]) -> str:
    if domain["state"] == "crashed":
        return "its system has crashed"
    return {
        "unknown": "it is shut off",  # never started, or off since libvirt's machine was
        "shutdown": "its system has shut down",
        "destroyed": "it was destroyed",
        "crashed": "its QEMU has crashed",
    }.get(domain["reason"], f"it is shut off ({domain['reason']})")


BACKEND = LibvirtDriver
