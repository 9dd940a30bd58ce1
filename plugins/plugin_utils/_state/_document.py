# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state document as text: JSON that can prove it is complete.

    {"checksum": "<sha256>", "data": {...}, "generation": 7, "key": "chat", "schema": 1}

The checksum covers the canonical JSON (sorted keys, no blanks, ASCII) of everything else. All future schema versions
keep that rule, so that a newer document can be told from a damaged one.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted

SCHEMA = 1


class Damaged(Exception):  # noqa: N818 - a finding about a document, not an error of the caller
    """A stored text is not the document it should be. The message says why, without quoting it."""


@dataclass(frozen=True)
class Document:
    """What one key remembers: `data` (plain JSON object) as of the `generation`-th write, counted from 1."""

    key: str
    generation: int
    data: dict[str, Any]


def canonical(value: object) -> str:
    """The one JSON text of a plain value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain_copy(data: dict[str, Any]) -> dict[str, Any]:
    """An independent copy of plain JSON data. AutoscaleError, naming the place, if it is anything else."""
    _require_plain(data, "data")
    copy: dict[str, Any] = json.loads(canonical(data))
    return copy


def encode(document: Document) -> str:
    """Text of a document whose data is plain."""
    content = {
        "schema": SCHEMA,
        "key": document.key,
        "generation": document.generation,
        "data": document.data,
    }
    return canonical({**content, "checksum": _checksum(content)})


def decode(text: str, key: str) -> Document:
    """The document in a text written by `encode` for this key.

    Raises Damaged if the text was cut, changed or belongs to another key; AutoscaleError if it is sound but
    of a newer schema, which this version must neither guess at nor overwrite.
    """
    try:
        content = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is not JSON") from error
    if not isinstance(content, dict):
        raise Damaged("it is not a JSON object")
    checksum = content.pop("checksum", None)
    if checksum != _checksum(content):
        raise Damaged("its checksum does not match")
    if content.get("schema") != SCHEMA:
        raise AutoscaleError(
            f"the state of {quoted(key)} was written by a newer version of rlops.autoscale "
            f"(schema {quoted(content.get('schema'))}, this one knows {SCHEMA}): "
            "install that version again, or use another state directory"
        )
    if content["key"] != key:
        raise Damaged(f"it belongs to {quoted(content['key'])}")
    return Document(key, content["generation"], content["data"])


def _require_plain(value: object, place: str) -> None:
    """Refuse what JSON cannot give back as it was: NaN, numpy scalars, tuples, sets, keys that are not text, ...

    `place` names the value in the message, such as `data.policies.erlang`.
    """
    # numpy.float64 is a float, and would be saved as one; but a rule that lets some numpy scalars pass is no rule.
    if hasattr(value, "dtype") or not isinstance(value, dict | list | str | int | float | None):
        raise AutoscaleError(f"{place} is a {type(value).__name__}: state holds only plain JSON values")
    if isinstance(value, float) and not math.isfinite(value):
        raise AutoscaleError(f"{place} is {value}: state holds only finite numbers")
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise AutoscaleError(f"{place} has the key {quoted(repr(name))}: keys of state are text")
            _require_plain(item, f"{place}.{quoted(name, 60)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _require_plain(item, f"{place}[{index}]")


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def _finite(digits: str) -> float:
    """The number; ValueError for one like 1e999, which a damaged digit may have made."""
    number = float(digits)
    return number if math.isfinite(number) else _refuse_constant(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
