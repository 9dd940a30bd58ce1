# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an instance runs: a command and an environment, with places such as ``{port}`` in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Program:
    """The options `command` and `environment` of a pool. Raises OptionError for what cannot be run."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._command = [] if options["command"] is None else words(options["command"])
        for variable in options["environment"]:
            if not _VARIABLE.fullmatch(str(variable)):
                expected = "expected names of letters, digits and underscores"
                raise OptionError("environment", f"{expected}, got {quoted(variable)}")
        self._environment = {str(name): str(value) for name, value in options["environment"].items()}

    def command(self, values: Mapping[str, object]) -> list[str]:
        """Its words with the values, which are to have all places. Empty if there is none."""
        return [fill(word, values) or "" for word in self._command]

    def environment(self, values: Mapping[str, object], port: int) -> dict[str, str]:
        """The variables of an instance that is to listen on this port."""
        own = {"PORT": str(port), "INSTANCE_NAME": "{name}", "INSTANCE_INDEX": "{index}"}
        return {name: fill(value, values) or "" for name, value in (own | self._environment).items()}


def words(command: object) -> list[str]:
    """The command's words, given as a list, or as one line that is split as a shell would, but not run by a shell."""
    try:
        found = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise OptionError("command", f"expected a line or a list of words, got {quoted(command)}") from error
    if not found:
        raise OptionError("command", "expected a line or a list of words, got nothing")
    return found
