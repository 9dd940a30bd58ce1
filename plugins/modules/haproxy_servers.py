#!/usr/bin/python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_servers
version_added: 0.1.0
short_description: Put services into the slots of an HAProxy
description:
  - Registers, drains and takes out services that come and go, over the Runtime API of an HAProxy that runs. The proxy
    (a C(backend) section) has slots for them, made by C(server-template). All is done in two sessions, however many
    they are, and read back.
  - A slot is free while it is in maintenance at the address of O(placeholder). Servers that are not asked for are left
    alone. What a person has set to C(drain) or C(maint) stays so until O(servers[].state=ready) is asked for.
  - A load balancer of backend V(haproxy) does this in process, or by this module on another host; see
    O(rlops.autoscale.cluster_converge#module:balancers).
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - python >= 3.11
  - HAProxy >= 2.4
options:
  socket:
    description: A C(stats socket) with C(level admin), as the path of a UNIX socket or as C(host:port).
    type: str
    required: true
  proxy:
    description: Name of the C(backend) section.
    type: str
    required: true
  placeholder:
    description: Address and port that stand in the C(server-template). Nobody may listen there.
    type: str
    default: 127.0.0.1:1
  servers:
    description: The services.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: IP address, or a name that is resolved where the module runs.
        type: str
        required: true
      port:
        description: The port it listens on.
        type: int
        required: true
      state:
        description:
          - V(ready) gets new connections. One that has no slot is given a free one, and gets them when the first checks
            have passed, if there are checks, or at once, if no other server works.
          - V(drain) keeps its connections and gets no new ones.
          - V(absent) frees its slot.
          - The default is to leave it as it is, and to say how it is.
        type: str
        choices: [ready, drain, absent]
attributes:
  check_mode:
    description: Nothing is changed.
    support: full
  diff_mode:
    description: Shows the states before and after.
    support: full
"""

EXAMPLES = r"""
- name: One comes, one goes
  rlops.autoscale.haproxy_servers:
    socket: /run/haproxy/admin.sock
    proxy: chat
    servers:
      - {address: 10.0.0.7, port: 8080, state: ready}
      - {address: 10.0.0.8, port: 8080, state: drain}

- name: Look whether its connections are gone
  rlops.autoscale.haproxy_servers:
    socket: /run/haproxy/admin.sock
    proxy: chat
    servers:
      - {address: 10.0.0.8, port: 8080}
  register: looked
  until: looked.servers[0].sessions == 0
  delay: 5
  retries: 60
"""

RETURN = r"""
servers:
  description: What became of each of O(servers), in the same order. Under check mode, how they are.
  type: list
  elements: dict
  returned: success
  contains:
    address:
      description: As it was given.
      type: str
      returned: always
      sample: 10.0.0.7
    port:
      description: As it was given.
      type: int
      returned: always
      sample: 8080
    server:
      description: The name of its slot; null if it has none.
      type: str
      returned: always
      sample: chat3
    state:
      description: One of C(ready), C(drain), C(maint) and C(absent).
      type: str
      returned: always
      sample: ready
    up:
      description: Whether it works as far as HAProxy knows, and has been checked, if it is to be checked.
      type: bool
      returned: always
      sample: true
    sessions:
      description: How many connections are open; null if it has no slot.
      type: int
      returned: always
      sample: 17
    detail:
      description: What HAProxy says of it.
      type: str
      returned: always
      sample: UP 1/3, not checked yet
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy import Proxy, RuntimeApi
from ansible_collections.rlops.autoscale.plugins.module_utils._haproxy_slots import PLACEHOLDER, assign
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import SERVERS_SPEC

SPEC = {
    "socket": {"type": "str", "required": True},
    "proxy": {"type": "str", "required": True},
    "placeholder": {"type": "str", "default": PLACEHOLDER},
    "servers": SERVERS_SPEC,
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    options = module.params
    try:
        proxy = Proxy(RuntimeApi(options["socket"]), options["proxy"])
        done = assign(proxy, options["servers"], options["placeholder"], dry_run=module.check_mode)
    except AutoscaleError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=done.changed, servers=done.servers, diff=done.diff)


if __name__ == "__main__":
    main()
