# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time, as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted


def moment(unix: float) -> str:
    """A time for people, in UTC."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M:%S} UTC"


def unix_seconds(given: object, option: str) -> float:
    """Unix seconds of a number or an ISO 8601 text, UTC where it names no zone. Raises OptionError for `option`."""
    if isinstance(given, datetime):
        stamp = given
    else:
        text = str(given)
        try:
            stamp = datetime.fromtimestamp(float(text), UTC) if _is_number(text) else datetime.fromisoformat(text)
        except (ValueError, OverflowError, OSError):
            raise OptionError(option, f"unix seconds or an ISO 8601 time are expected, got {quoted(text)!r}") from None
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
