# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the core. Modules and action plugins turn them into a failed task; nothing else does."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
MAX_QUOTED = 200


class AutoscaleError(Exception):
    """Something went wrong that a person has to read: one sentence that says what, and what to do."""


class SettingError(AutoscaleError):
    """Settings are wrong, so that it is of no use to try again."""


class OptionError(SettingError):
    """A setting is wrong. The message starts with the option's name and says what was expected."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(f"{option}: {message}")
        self.option = option


def about(who: str, error: AutoscaleError) -> AutoscaleError:
    """The error, with whom it concerns before it. Whether it is of use to try again stays as it was."""
    kind = SettingError if isinstance(error, SettingError) else AutoscaleError
    return kind(f"{who}: {error}")


def quoted(text: object, limit: int = MAX_QUOTED) -> str:
    """Make text from outside fit for a message: one line, no control characters, at most `limit` characters."""
    line = _CONTROL.sub(" ", str(text)).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"
