# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the collection's action plugins: options from arguments and host variables, errors, secrets, the state store.

The only file of ``plugin_utils`` that knows Ansible, beside ``_observing`` and the cache adapter of ``_state``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, SettingError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import (
    TASK_OPTIONS,
    VARIABLE_PREFIX,
    Spec,
    resolved,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._ansible_cache import configured_cache
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store, open_store

#: What Ansible adds to the message on a wrong type: the internals of its own text type.
_INTERNALS = re.compile(r": <class '[^']*'> cannot be converted to an? \w+")

COMMON_SPEC: dict[str, Any] = {
    "cluster": {"type": "str"},
    "state_store": {
        "type": "dict",
        "options": {
            "backend": {"type": "str", "choices": ["auto", "cache", "directory"], "default": "auto"},
            "directory": {"type": "path"},
        },
        "apply_defaults": True,
    },
}


class ClusterAction(ActionBase):  # type: ignore[misc]
    """An action on one cluster, which is the host the task runs for.

    Subclasses give ``SPEC`` and ``perform``; what ``perform`` returns is the task's result, and an AutoscaleError it
    raises is the task's failure. ``wrong_setting`` tells a loop that it need not try again.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = True

    SPEC: ClassVar[Spec] = {}

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the task's work."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        self._variables: Mapping[str, Any] = task_vars or {}
        self._secrets: set[str] = set()
        #: Parts of the result that a failure has, too.
        self.known: dict[str, Any] = {}
        try:
            result.update(self.without_secrets(self.perform(self.options(self.SPEC, self._task.args))))
        except AutoscaleError as error:
            # Returned, not raised: only of what is returned does every ansible-core take care that no later task
            # templates it, and there is text from outside in it.
            result.update(self.known, failed=True, changed=False, msg=self.without_secrets(str(error)))
            result["wrong_setting"] = isinstance(error, SettingError)
        return result

    def without_secrets(self, value: Any) -> Any:
        """The value with stars in place of what options marked as secret."""
        return remove_values(value, self._secrets) if self._secrets else value

    def say(self, line: str, color: str | None = None) -> str:
        """Show a line to people, without secrets; returns what was shown."""
        shown: str = self.without_secrets(line)
        self._display.display(shown, color=color)
        return shown

    def warn(self, line: str) -> None:
        """Show a warning, without secrets."""
        self._display.warning(self.without_secrets(line))

    def arguments_of(self, spec: Spec) -> dict[str, Any]:
        """Those of the task's arguments that are settings of another action, too."""
        names = spec.keys() - TASK_OPTIONS
        return {name: value for name, value in self._task.args.items() if name in names}

    @property
    def check_mode(self) -> bool:
        """Whether this is a dry run."""
        return bool(self._task.check_mode)

    @property
    def owner(self) -> dict[str, Any]:
        """The run, as leases know it: the process that forked the worker this action runs in."""
        return _lease.current_owner(os.getppid())

    def open_store(self, options: Mapping[str, Any]) -> Store:
        """The state store that the options (see COMMON_SPEC) ask for."""
        settings = options["state_store"]
        backend, directory = settings["backend"], settings["directory"]
        cached = backend == "cache" or (backend == "auto" and not directory)
        return open_store(backend, directory, configured_cache() if cached else None)

    def options(self, spec: Spec, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Validated options: the arguments, then the host's variables, then the defaults. Raises OptionError."""
        spec = {**COMMON_SPEC, **spec}
        given = {
            name: self._templar.template(self._variables[VARIABLE_PREFIX + name])
            for name in spec.keys() - arguments.keys() - TASK_OPTIONS
            if VARIABLE_PREFIX + name in self._variables
        } | dict(arguments)
        checked = ArgumentSpecValidator(resolved(spec, given)).validate(given)
        self._secrets |= checked._no_log_values
        if checked.error_messages:
            raise SettingError("; ".join(_INTERNALS.sub("", message) for message in checked.error_messages))
        options: dict[str, Any] = checked.validated_parameters
        if options["cluster"] is None:
            options["cluster"] = self._variables.get("inventory_hostname")
        if not options["cluster"]:
            raise OptionError("cluster", "the name of the cluster is expected, got an empty value")
        return options
