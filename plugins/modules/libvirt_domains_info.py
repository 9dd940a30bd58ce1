#!/usr/bin/python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libvirt_domains_info
version_added: 0.1.0
short_description: List the libvirt domains that carry metadata of one kind, with all that is known of them
description:
  - Tells in one call which domains have an element of a given XML namespace in their metadata, what it says, in which
    state they are and where they are reached.
  - Whoever makes domains can so tell their own from those of others that have the same name.
    M(community.libvirt.virt) gives names and states only.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - python >= 3.8
  - libvirt (its Python bindings, such as C(python3-libvirt))
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed.
  diff_mode:
    support: none
    description: Nothing is ever changed.
options:
  uri:
    description: Where libvirt is.
    type: str
    default: qemu:///system
  namespace:
    description: Namespace of the metadata. Domains without an element of it are left out.
    type: str
    required: true
  address_source:
    description:
      - Who is asked for the addresses of running domains.
      - V(lease) is the DHCP server of libvirt's own networks, V(agent) is the guest agent in the domain, and V(arp) is
        the ARP table of libvirt's machine.
      - By default nobody is asked.
    type: str
    choices: [lease, agent, arp]
"""

EXAMPLES = r"""
- name: List the instances of all clusters
  rlops.autoscale.libvirt_domains_info:
    namespace: https://github.com/rlops/autoscale
  register: domains

- name: List them with their addresses
  rlops.autoscale.libvirt_domains_info:
    uri: qemu+ssh://kvm1/system
    namespace: https://github.com/rlops/autoscale
    address_source: lease
  register: domains
"""

RETURN = r"""
domains:
  description: The domains, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: chat-1
      uuid: 57331614-5309-4ab7-a28d-09c6d606c128
      state: running
      reason: null
      addresses: [192.168.122.17]
      address_problem: null
      metadata: {cluster: chat, pool: cellar, index: "1"}
  contains:
    name:
      description: Its name.
      type: str
    uuid:
      description: Its UUID.
      type: str
    state:
      description:
        - V(nostate), V(running), V(blocked), V(paused), V(shutdown) (which is on its way), V(shutoff), V(crashed) or
          V(pmsuspended).
      type: str
    reason:
      description:
        - Why it is V(shutoff), which is V(shutdown), V(destroyed), V(crashed), V(migrated), V(saved), V(failed),
          V(from_snapshot), V(daemon), or V(unknown), as for one that was never started. Else null.
      type: str
    addresses:
      description: Its IPv4 addresses but for the loopback's, as far as they are asked for and known.
      type: list
      elements: str
    address_problem:
      description: Why its addresses are not known, where this is an error of who was asked. Else null.
      type: str
    metadata:
      description: The attributes of the element.
      type: dict
"""

import sys
from typing import Any
from xml.etree import ElementTree

from ansible.module_utils.basic import AnsibleModule

try:
    import libvirt
except ImportError:
    libvirt = None

# In the order of libvirt's numbers.
STATES = ("nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended")
REASONS = (
    *("unknown", "shutdown", "destroyed", "crashed", "migrated"),
    *("saved", "failed", "from_snapshot", "daemon"),
)
ADDRESS_SOURCES = ("lease", "agent", "arp")


def described(domain: Any, namespace: str, address_source: str | None) -> dict[str, Any]:
    """A domain as the module returns it. Raises libvirtError for one without metadata, or that is gone."""
    element = ElementTree.fromstring(domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, namespace))  # noqa: S314
    number, reason = domain.state()
    state = STATES[number]
    asked = address_source and state not in ("shutoff", "crashed")
    found, problem = addresses(domain, address_source) if asked else ([], None)
    return {
        "name": domain.name(),
        "uuid": domain.UUIDString(),
        "state": state,
        "reason": dict(enumerate(REASONS)).get(reason, "unknown") if state == "shutoff" else None,
        "addresses": found,
        "address_problem": problem,
        "metadata": dict(element.attrib),
    }


def addresses(domain: Any, source: str | None) -> tuple[list[str], str | None]:
    """The IPv4 addresses of a domain; or why nobody can tell, such as an agent that does not run yet."""
    try:
        interfaces = domain.interfaceAddresses(ADDRESS_SOURCES.index(source))
    except libvirt.libvirtError as error:
        return [], error.get_error_message()
    # An interface without addresses has None in their place.
    found = [address for interface in interfaces.values() for address in interface["addrs"] or []]
    ipv4 = [address["addr"] for address in found if address["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4]
    return [address for address in ipv4 if not address.startswith("127.")], None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "default": "qemu:///system"},
            "namespace": {"type": "str", "required": True},
            "address_source": {"type": "str", "choices": list(ADDRESS_SOURCES)},
        },
        supports_check_mode=True,
    )
    if libvirt is None:
        cure = "install python3-libvirt, and let ansible_python_interpreter be the system's Python"
        module.fail_json(msg=f"libvirt cannot be imported by {sys.executable}: {cure}")
    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # which would print what is raised as well
    domains = []
    try:
        connection = libvirt.open(module.params["uri"])
        for domain in connection.listAllDomains():
            try:
                domains.append(described(domain, module.params["namespace"], module.params["address_source"]))
            except libvirt.libvirtError as error:
                if error.get_error_code() not in (libvirt.VIR_ERR_NO_DOMAIN_METADATA, libvirt.VIR_ERR_NO_DOMAIN):
                    raise
        connection.close()
    except libvirt.libvirtError as error:
        module.fail_json(msg=f"{module.params['uri']}: {error.get_error_message()}")
    module.exit_json(changed=False, domains=sorted(domains, key=lambda domain: str(domain["name"])))


if __name__ == "__main__":
    main()
