# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules of other collections for an action, where its task runs or on another host of the inventory."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import become_loader
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted

#: Variables that choose a Python and a user; those of the cluster say nothing of another host.
_OF_ONE_HOST = (
    *("ansible_python_interpreter", "discovered_interpreter_python"),
    *("ansible_become", "ansible_become_method", "ansible_become_user"),
)


class ModuleRuns:
    """The modules that one task runs. Each host is connected to once; ``close`` tidies up there."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any]) -> None:
        self._action = action
        self._variables = variables
        #: Connection and variables by host; None is where the task runs.
        self._places: dict[str | None, tuple[ConnectionBase, dict[str, Any]]] = {}

    def run(
        self, module: str, arguments: Mapping[str, Any], host: str | None = None, *, option: str = "host"
    ) -> dict[str, Any]:
        """Run a module and return its result, which may be a failure.

        ``host`` is one of the inventory, named by ``option``; None: where the task runs. Under check mode modules run
        in check mode. Raises OptionError for an unknown host, AutoscaleError where the module is not installed, or the
        host cannot be reached.
        """
        place = quoted(host or self._variables["inventory_hostname"])
        with self._at(host, option) as variables:
            try:
                result: dict[str, Any] = self._action._execute_module(
                    module_name=module, module_args=dict(arguments), task_vars=variables
                )
            except AnsibleConnectionFailure as error:
                raise AutoscaleError(f"{place} cannot be reached: {quoted(error)}") from error
            except AnsibleError as error:
                if "was not found in configured module paths" not in str(error):
                    raise AutoscaleError(f"{module} on {place}: {quoted(error)}") from error
                collection = ".".join(module.split(".")[:2])
                needed = f"the collection {collection} is needed: ansible-galaxy collection install {collection}"
                raise AutoscaleError(f"{module} is not installed where Ansible runs; {needed}") from None
        # A Python that was discovered there is no fact of the cluster.
        result.pop("ansible_facts", None)
        if result.get("failed"):
            result["msg"] = why_failed(result)
        return result

    def close(self) -> None:
        """Remove what modules have left on the hosts."""
        for host in list(self._places):
            # It may be gone by now; then what is left there is in its temporary directory.
            with contextlib.suppress(AnsibleError), self._at(host, "host"):
                self._action._remove_tmp_path(self._action._connection._shell.tmpdir)
                self._action._connection._shell.tmpdir = None
            if host is not None:
                self._places[host][0].close()

    @contextlib.contextmanager
    def _at(self, host: str | None, option: str) -> Iterator[dict[str, Any]]:
        """Let the action work there; gives the variables for its modules."""
        if host not in self._places:
            self._places[host] = self._own_place() if host is None else self._connect(host, option)
        connection, variables = self._places[host]
        own = self._action._connection
        self._action._connection = connection
        try:
            yield variables
        finally:
            self._action._connection = own

    def _own_place(self) -> tuple[ConnectionBase, dict[str, Any]]:
        connection = self._action._connection
        variables = _private(self._variables)
        if connection.transport == "local":
            # The Python that runs Ansible has what the collection needs; any other that is found may not.
            variables.setdefault("ansible_python_interpreter", sys.executable)
        return connection, variables

    def _connect(self, host: str, option: str) -> tuple[ConnectionBase, dict[str, Any]]:
        """Connect to another host of the inventory as its variables say."""
        if host not in self._variables["hostvars"]:
            raise OptionError(option, f"a host of the inventory is expected, got {quoted(host)}")
        there = self._variables["hostvars"][host]
        name = there.get("ansible_connection", constants.DEFAULT_TRANSPORT)
        context = self._action._play_context.copy()
        context.remote_addr = there.get("ansible_host", host)
        connection = self._action._shared_loader_obj.connection_loader.get(
            "ssh" if name == "smart" else name, context, new_stdin=None
        )
        if connection is None:
            raise OptionError(option, f"{quoted(host)} has the unknown connection {quoted(name)}")
        _set_options(connection, "connection", there)
        _set_options(connection._shell, "shell", there)
        if boolean(there.get("ansible_become", False), strict=False):
            method = there.get("ansible_become_method", constants.DEFAULT_BECOME_METHOD)
            become = become_loader.get(method)
            if become is None:
                raise OptionError(option, f"{quoted(host)} has the unknown become method {quoted(method)}")
            _set_options(become, "become", there)
            connection.set_become_plugin(become)
        here = {name: value for name, value in self._variables.items() if name not in _OF_ONE_HOST}
        # Where Python is, Ansible looks up among the facts.
        own = {"ansible_facts": there.get("ansible_facts") or {}}
        return connection, _private(here | own | {name: there[name] for name in _OF_ONE_HOST if name in there})


def why_failed(result: Mapping[str, Any]) -> str:
    """What a module says of its failure. Of one that raised, the error: ansible-core 2.19 has it in an object in place
    of a message, and those before have a traceback and a message that says nothing."""
    message, raised = str(result.get("msg") or ""), result.get("exception")
    if message and not message.startswith("MODULE FAILURE"):
        return message
    event = getattr(raised, "event", None)
    if event is not None:
        return str(event.msg)
    lines = str(raised or result.get("module_stderr") or "").strip().splitlines()
    return lines[-1] if lines else message or "it failed"


def _private(variables: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which modules may keep what they find; what they are given is no matter of the target's syslog."""
    return {**variables, "ansible_facts": dict(variables.get("ansible_facts") or {}), "ansible_no_target_syslog": True}


def _set_options(plugin: Any, kind: str, variables: Mapping[str, Any]) -> None:
    names = constants.config.get_plugin_vars(kind, plugin._load_name)
    plugin.set_options(var_options={name: variables[name] for name in names if name in variables})
