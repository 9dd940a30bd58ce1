#!/usr/bin/python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_upstream
version_added: 0.1.0
short_description: Keep the servers of an upstream of nginx
description:
  - Registers, drains and takes out services that come and go. The upstream has a file of its own, which this module
    writes and the configuration of nginx includes.
  - A change is written, tested as C(nginx -t) does, and loaded; then it is waited until new workers serve it. What
    nginx refuses is taken back, so that the file is never left broken.
  - What nginx had loaded before is kept beside the file, as C(.NAME.loaded), until the new text is known to be loaded.
    So a change that was cut off is known, and made up for by the next one.
  - Servers that are not asked for are left as they are. Without any server, the upstream has one that is down.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - python >= 3.11
  - nginx on the same host, and the right to write the file and to signal the master process
options:
  file:
    description:
      - Where the upstream stands. The configuration of nginx has to include this file, within C(http) or C(stream).
      - A file that this module has not written is refused.
    type: path
    required: true
  upstream:
    description: Name of the upstream.
    type: str
    required: true
  directives:
    description: Further directives of the upstream, in this order, such as V(least_conn) and V(keepalive 32).
    type: list
    elements: str
    default: []
  server_options:
    description: Parameters of each server, such as V(max_fails=3 fail_timeout=5s).
    type: str
    default: ""
  nginx:
    description: The program.
    type: str
    default: nginx
  config:
    description: The main configuration file. The default is the one that the program was built for.
    type: path
  pid_file:
    description: Where the master process has its number; the directive C(pid) of the configuration.
    type: path
    default: /run/nginx.pid
  reload:
    description: A command that reloads nginx, as a list of words. The default is to send SIGHUP to the master process.
    type: list
    elements: str
    default: []
  servers:
    description:
      - The services.
      - Without any, the file is made where it is missing, so that nginx can start.
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: IP address, or a name that nginx can resolve when it loads the file.
        type: str
        required: true
      port:
        description: The port it listens on.
        type: int
        required: true
      state:
        description:
          - V(ready) gets new connections.
          - V(drain) gets no new ones (C(down)). Those that it has are kept by the old workers.
          - V(absent) is taken out.
          - The default is to leave it as it is, and to say how it is.
        type: str
        choices: [ready, drain, absent]
attributes:
  check_mode:
    description: Nothing is changed, and nothing is tested.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let nginx start before there is any server
  rlops.autoscale.nginx_upstream:
    file: /etc/nginx/conf.d/chat-upstream.conf
    upstream: chat

- name: One comes, one goes
  rlops.autoscale.nginx_upstream:
    file: /etc/nginx/conf.d/chat-upstream.conf
    upstream: chat
    directives: [least_conn]
    server_options: max_fails=3 fail_timeout=5s
    servers:
      - {address: 10.0.0.7, port: 8080, state: ready}
      - {address: 10.0.0.8, port: 8080, state: drain}
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
      description: How it stands in the file; null if it does not.
      type: str
      returned: always
      sample: 10.0.0.7:8080
    state:
      description: One of C(ready), C(drain) and C(absent). C(ready), as long as it may still be loaded as such.
      type: str
      returned: always
      sample: ready
    up:
      description: Whether it is ready, and known to be loaded. The free nginx checks no health.
      type: bool
      returned: always
      sample: true
    sessions:
      description: Null; nginx does not tell.
      type: int
      returned: always
      sample: null
    detail:
      description: What is not as it should be.
      type: str
      returned: always
      sample: nginx has perhaps not loaded it yet
in_force:
  description: Whether it is known that the nginx that runs has loaded the file as it is.
  type: bool
  returned: success
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.module_utils._nginx import PID_FILE, Nginx, Upstream, UpstreamFile
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import SERVERS_SPEC

SPEC = {
    "file": {"type": "path", "required": True},
    "upstream": {"type": "str", "required": True},
    "directives": {"type": "list", "elements": "str", "default": []},
    "server_options": {"type": "str", "default": ""},
    "nginx": {"type": "str", "default": "nginx"},
    "config": {"type": "path"},
    "pid_file": {"type": "path", "default": PID_FILE},
    "reload": {"type": "list", "elements": "str", "default": []},
    "servers": SERVERS_SPEC,
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    options = module.params
    try:
        nginx = Nginx(options["nginx"], options["config"], options["pid_file"], options["reload"])
        upstream = Upstream(options["upstream"], options["directives"], options["server_options"])
        file = UpstreamFile(nginx, upstream, options["file"])
        done = file.assign(options["servers"], dry_run=module.check_mode)
    except AutoscaleError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=done.changed, servers=done.servers, in_force=done.in_force, diff=done.diff)


if __name__ == "__main__":
    main()
