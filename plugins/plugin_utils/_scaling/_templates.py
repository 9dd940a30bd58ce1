# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills ``{port}`` and the like into commands and URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACES = ("address", "cluster", "index", "name", "port")
_PLACE = re.compile(r"\{(" + "|".join(PLACES) + r")\}")
_LIKE_A_PLACE = re.compile(r"\{\s*\w+\s*\}")


def fill(text: str, values: Mapping[str, object]) -> str | None:
    """Replace the known places; any other brace stays as it is. None if a value that is asked for is missing."""
    if any(values.get(place) is None for place in _PLACE.findall(text)):
        return None
    return _PLACE.sub(lambda match: str(values[match[1]]), text)


def unknown_places(text: str) -> list[str]:
    """What looks like a place, braces included, and is none. Where braces may mean something else, do not ask."""
    return [found for found in _LIKE_A_PLACE.findall(text) if not _PLACE.fullmatch(found)]
