# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills ``{port}`` and the like into commands and URLs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

PLACES = ("address", "cluster", "index", "name", "port")
_LIKE_A_PLACE = re.compile(r"\{\s*\w+\s*\}")
_PLACE = re.compile(r"\{(\w+)\}")


def fill(text: str, values: Mapping[str, object]) -> str | None:
    """Replace PLACES and what else has a value; any other brace stays as it is. None if a value that is asked for is
    missing."""
    places = values.keys() | set(PLACES)
    if any(place in places and values.get(place) is None for place in _PLACE.findall(text)):
        return None
    return _PLACE.sub(lambda match: str(values[match[1]]) if match[1] in places else match[0], text)


def unknown_places(text: str, known: Collection[str] = PLACES) -> list[str]:
    """What looks like a place, braces included, and is none. Where braces may mean something else, do not ask."""
    return [match[0] for match in _LIKE_A_PLACE.finditer(text) if match[0] not in {f"{{{place}}}" for place in known}]
