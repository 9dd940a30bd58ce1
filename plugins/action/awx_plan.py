# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans what has to be done in AWX. See the module of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import (
    AutoscaleError,
    OptionError,
    SettingError,
    quoted,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx import _checks, _plan, _stock, _wanted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._api import AwxApi
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._kinds import mark
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import AWX_SPEC
from ansible_collections.rlops.autoscale.plugins.plugin_utils._inventory import SETTINGS


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True
    _supports_diff = False

    SPEC = AWX_SPEC

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        # A copy: it fills the defaults of suboptions into defaults themselves.
        checked = ArgumentSpecValidator(deepcopy(self.SPEC)).validate(self._task.args)
        secrets = set(checked._no_log_values)
        try:
            _checks.refuse_misspelt(task_vars or {}, self.SPEC)
            _refuse(checked)
            result.update(changed=False, **self._perform(checked.validated_parameters, secrets))
        except AutoscaleError as error:
            # Returned, not raised: there is text from outside in it, which no later task may template.
            result.update(failed=True, changed=False, msg=remove_values(str(error), secrets))
        return result

    def _perform(self, options: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
        """The plan. It has no secrets in it; those that the connection has are added to ``secrets``."""
        removing = options["state"] == "absent"
        prefix = _checks.check_prefix(options["prefix"])
        # First what is wrong with the options; AWX is asked only where nothing is.
        wish = None if removing else _wanted.wish(options, SETTINGS)
        api = AwxApi(options["controller"], lambda line: self._display.warning(remove_values(line, secrets)))
        secrets |= api.secrets
        try:
            if wish is None:
                organization = _checks.check_name("organization", options["organization"])
                return self._removal(api, organization, mark(prefix))
            return self._plan(api, wish, options)
        finally:
            api.close()

    def _removal(self, api: AwxApi, organization: str, own: str) -> dict[str, Any]:
        removal = _plan.removal_of(api, _stock.own_stock(api, organization, own).own, {})
        self._say("stays", removal.kept)
        return {"plan": {}, "missing": [], "remove": removal.plan, "kept": removal.kept}

    def _plan(self, api: AwxApi, wish: _wanted.Wish, options: Mapping[str, Any]) -> dict[str, Any]:
        stock = _stock.take_stock(api, wish)
        if not options["adopt"]:
            _plan.refuse_foreign(wish, stock)
        plan = _plan.plan_of(wish, stock, update_secrets=options["update_secrets"])
        missing, stale = _plan.missing(wish, stock), _plan.stale(wish, stock)
        if self._task.check_mode:
            self._say("would be made", missing)
        going = stale if options["prune"] else _plan.always_going(stale)
        removal = _plan.removal_of(api, going, _plan.without(stock.own, going))
        would = "would be" if self._task.check_mode else "is"
        self._say(f"is not wanted any more, and {would} removed", removal.going)
        self._say("stays", removal.kept)
        self._say("is not wanted any more, and stays unless prune is set", _plan.called(_plan.without(stale, going)))
        return {"plan": plan, "missing": missing, "remove": removal.plan, "kept": removal.kept}

    def _say(self, what: str, which: list[str]) -> None:
        for each in which:
            self._display.display(f"{each}: {what}")


def _refuse(checked: ValidationResult) -> None:
    """Raise SettingError where the options are not those of the spec."""
    for path in sorted(checked.unsupported_parameters):
        raise OptionError(quoted(".".join(path)), "there is no such option")
    if checked.error_messages:
        raise SettingError("; ".join(checked.error_messages))
