# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend libvirt: emulated machines that serve on a port of this one."""

from __future__ import annotations

from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.libvirt_daemon import LibvirtDaemon
from ansible_collections.rlops.autoscale.tests.tools.ports import free_block
from ansible_collections.rlops.autoscale.tests.tools.skipping import UnavailableError, skip_or_fail
from ansible_collections.rlops.autoscale.tests.tools.tiny_machine import tiny_machine

from .scenario import Scenario


class LibvirtScenario(Scenario):
    """Backend libvirt."""

    patience = 120
    pauses = True

    def __post_init__(self) -> None:
        self.libvirt: LibvirtDaemon = self.request.getfixturevalue("libvirt")
        try:
            self.machine = tiny_machine(self.libvirt)
        except UnavailableError as reason:
            skip_or_fail(reason)
        super().__post_init__()
        self.unhealthy = self.machine.unhealthy

    def driver_settings(self) -> dict[str, Any]:
        template = self.home / "domain.xml"
        template.write_text(self.machine.template)
        first = free_block()
        pool = {
            "backend": "libvirt",
            "host": "hypervisor",
            "uri": self.libvirt.uri,
            "template": str(template),
            "address_source": "fixed",
            "port_range": f"{first}-{first + 9}",
        }
        return {"autoscale_pools": [pool]}

    def other_hosts(self) -> dict[str, Any]:
        """The Python that libvirt's bindings are installed for is the system's."""
        return {"hypervisor": {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}}

    def running(self) -> dict[str, int]:
        """Name -> number of this start of it."""
        return self.libvirt.running()

    def kill(self, name: str) -> None:
        if name in self.running():
            self.libvirt.virsh("destroy", name)

    def clean_up(self) -> None:
        self.libvirt.remove_all()
        for log in sorted(self.machine.folder.glob("*.log")):
            print(f"{log.stem}: {self.machine.console(log.stem)}")  # seen where the test failed
