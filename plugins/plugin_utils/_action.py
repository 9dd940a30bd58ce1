# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the collection's action plugins: options from arguments and host variables, errors, secrets, the state store.

The only file of ``plugin_utils``, beside the cache adapter of ``_state``, that knows Ansible.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import TASK_OPTIONS, VARIABLE_PREFIX
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

    Subclasses give ``SPEC`` (Ansible argument spec) and ``perform``; what ``perform`` returns is the task's result, and
    an AutoscaleError it raises is the task's failure.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = True

    SPEC: ClassVar[dict[str, Any]] = {}

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the task's work."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        self._variables: Mapping[str, Any] = task_vars or {}
        self._secrets: set[str] = set()
        try:
            result.update(remove_values(self.perform(self.options(self.SPEC, self._task.args)), self._secrets))
        except AutoscaleError as error:
            # Returned, not raised: only of what is returned does every ansible-core take care that no later task
            # templates it, and there is text from outside in it.
            result.update(failed=True, changed=False, msg=remove_values(str(error), self._secrets))
        return result

    @property
    def check_mode(self) -> bool:
        """Whether this is a dry run."""
        return bool(self._task.check_mode)

    def open_store(self, options: Mapping[str, Any]) -> Store:
        """The state store that the options (see COMMON_SPEC) ask for."""
        settings = options["state_store"]
        cache = None if settings["backend"] == "directory" else configured_cache()
        return open_store(backend=settings["backend"], directory=settings["directory"], cache=cache)

    def options(self, spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Validated options: the arguments, then the host's variables, then the defaults. Raises AutoscaleError."""
        spec = COMMON_SPEC | dict(spec)
        given = {
            name: self._templar.template(self._variables[VARIABLE_PREFIX + name])
            for name in spec.keys() - arguments.keys() - TASK_OPTIONS
            if VARIABLE_PREFIX + name in self._variables
        }
        checked = ArgumentSpecValidator(spec).validate(given | dict(arguments))
        self._secrets |= checked._no_log_values
        if checked.error_messages:
            raise AutoscaleError("; ".join(_INTERNALS.sub("", message) for message in checked.error_messages))
        options: dict[str, Any] = checked.validated_parameters
        if options["cluster"] is None:
            options["cluster"] = self._variables.get("inventory_hostname")
        if not options["cluster"]:
            raise OptionError("cluster", "the name of the cluster is expected, got an empty value")
        return options
