# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter `rrule`: when AWX shall start something, in AWX's own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._rrule import recurrence


def rrule(given: object, **options: Any) -> str:
    """The rule that is meant, as text."""
    try:
        if options and not isinstance(given, Mapping):
            raise OptionError("rrule", "options can be given to a dictionary only, not to the text of a rule")
        return recurrence({**given, **options} if isinstance(given, Mapping) else given, "rrule").text
    except AutoscaleError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """The filters of this file."""
        return {"rrule": rrule}
