# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Base of the collection's action plugins: options from arguments and host variables, errors, secrets, the state store.

Ansible is known to this file, to ``_observing`` and ``_deciding`` that build on it, to ``_modules``, the API of
``_awx`` and the cache adapter of ``_state``; to no other of ``plugin_utils``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import (
    AutoscaleError,
    OptionError,
    SettingError,
    quoted,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _processes
from ansible_collections.rlops.autoscale.plugins.plugin_utils._common_spec import COMMON_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._modules import ModuleRuns
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import (
    TASK_OPTIONS,
    VARIABLE_PREFIX,
    Spec,
    resolved,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _lease
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._ansible_cache import (
    configured_cache,
    writes_plain_facts,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import (
    AUTO,
    AWX,
    CACHE,
    open_store,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Store

#: AWX takes the facts that core writes for new if their file is: on its way to AWX, its time becomes an even second.
SHORTEST_JOB_S = 2.0

#: What Ansible adds to the message on a wrong type: the internals of its own text type.
_INTERNALS = re.compile(r": <class '[^']*'> cannot be converted to an? \w+")
#: How it says that there is no such option.
_UNSUPPORTED = re.compile(r"^([^\s:]+)\. Supported parameters include: ")
_NO_SUCH = r"\1: there is no such option; there are "


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

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The process that has forked the worker in which this action runs.
        self._run = _lease.current_owner(_processes.forked_by())

    def perform(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the task's work."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result | self.result_for(task_vars or {})

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of the task."""
        arguments: Mapping[str, Any] = self._task.args
        return arguments

    def result_for(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The result for the cluster that these variables describe, be it a failure."""
        self._variables = variables
        self._secrets: set[str] = set()
        self._store: Store | None = None
        #: Parts of the result that a failure has, too.
        self.known: dict[str, Any] = {}
        self.modules = ModuleRuns(self, self._variables)
        try:
            done: dict[str, Any] = self.without_secrets(self.perform(self.options(self.SPEC, self.arguments)))
        except AutoscaleError as error:
            # Returned, not raised: only of what is returned does every ansible-core take care that no later task
            # templates it, and there is text from outside in it.
            failure = {"failed": True, "changed": False, "msg": self.without_secrets(str(error))}
            return self.known | failure | {"wrong_setting": isinstance(error, SettingError)}
        finally:
            self.modules.close()
        return done | self._state_as_facts()

    def _state_as_facts(self) -> dict[str, Any]:
        """The part of the result that keeps state in facts where nothing else does: see AwxMedium."""
        facts = self._store.facts() if self._store and writes_plain_facts() else {}
        if not facts:
            return {}
        time.sleep(max(0.0, SHORTEST_JOB_S - _processes.age_of(self._run["pid"])))
        return {"ansible_facts": facts}

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
        return {name: value for name, value in self.arguments.items() if name in names}

    @property
    def check_mode(self) -> bool:
        """Whether this is a dry run."""
        return bool(self._task.check_mode)

    @property
    def owner(self) -> dict[str, Any]:
        """The run, as leases know it. Raises AutoscaleError where it has ended."""
        self.check_that_the_run_lives()
        return self._run

    def check_that_the_run_lives(self) -> None:
        """Raise AutoscaleError where it does not: if it was killed, its worker is left over, unseen, and nobody would
        carry out what it decides."""
        if _lease.process_is_gone(self._run, self._run):
            raise AutoscaleError("the run of Ansible that started this has ended")

    def open_store(self, options: Mapping[str, Any]) -> Store:
        """The state store that the options (see COMMON_SPEC) ask for."""
        settings = options["state_store"]
        named = settings["directory"] or settings["uri"]
        cached = settings["backend"] in (CACHE, AWX) or (settings["backend"] == AUTO and not named)
        self._store = open_store(
            settings["backend"],
            settings["directory"],
            configured_cache() if cached else None,
            uri=settings["uri"],
            host=self._variables.get("inventory_hostname"),
        )
        return self._store

    def _from_variable(self, variable: str) -> Any:
        """The value of a host variable. Raises OptionError."""
        try:
            return self._templar.template(self._variables[variable])
        except AnsibleError as error:
            raise OptionError(variable, f"it cannot be evaluated: {quoted(error)}") from error

    def options(self, spec: Spec, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Validated options: the arguments, then the host's variables, then the defaults. Raises OptionError."""
        spec = {**COMMON_SPEC, **spec}
        given = {
            name: self._from_variable(VARIABLE_PREFIX + name)
            for name in spec.keys() - arguments.keys() - TASK_OPTIONS
            if VARIABLE_PREFIX + name in self._variables
        } | dict(arguments)
        checked = ArgumentSpecValidator(resolved(spec, given)).validate(given)
        self._secrets |= checked._no_log_values
        if checked.error_messages:
            messages = [_UNSUPPORTED.sub(_NO_SUCH, _INTERNALS.sub("", message)) for message in checked.error_messages]
            raise SettingError("; ".join(messages))
        options: dict[str, Any] = checked.validated_parameters
        if options["cluster"] is None:
            options["cluster"] = self._variables.get("inventory_hostname")
        if not options["cluster"]:
            raise OptionError("cluster", "the name of the cluster is expected, got an empty value")
        return options
