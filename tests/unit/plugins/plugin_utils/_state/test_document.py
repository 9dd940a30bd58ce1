# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document comes back as it was, or is known to be damaged."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _document
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._document import (
    Damaged,
    Document,
    decode,
    encode,
    plain_copy,
)
from hypothesis import given
from hypothesis import strategies as st

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)
DATA = st.dictionaries(st.text(), PLAIN, max_size=4)


@given(key=st.text(), generation=st.integers(1), data=DATA)
def test_round_trip(key: str, generation: int, data: dict[str, Any]) -> None:
    document = Document(key, generation, plain_copy(data))
    assert document.data == data
    text = encode(document)
    assert text.isascii()
    assert decode(text, key) == document


@given(data=DATA, cut=st.integers(0))
def test_a_cut_text_is_damaged(data: dict[str, Any], cut: int) -> None:
    text = encode(Document("chat", 3, data))
    with pytest.raises(Damaged):
        decode(text[: cut % len(text)], "chat")


@given(data=DATA, place=st.integers(0), other=st.characters(codec="ascii"))
def test_a_changed_character_is_noticed_unless_it_means_the_same(data: dict[str, Any], place: int, other: str) -> None:
    document = Document("chat", 3, data)
    text = encode(document)
    place %= len(text)
    changed = text[:place] + other + text[place + 1 :]
    try:
        assert decode(changed, "chat") == document
    except Damaged:
        assert changed != text


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", "NaN", '{"checksum":"0","data":{"x":1e999}}', "[" * 100_000, '{"checksum":"0"}', "\ufffd"],
)
def test_anything_else_is_damaged(text: str) -> None:
    with pytest.raises(Damaged):
        decode(text, "chat")


def test_a_document_of_another_key_is_damaged() -> None:
    with pytest.raises(Damaged, match="belongs to mail"):
        decode(encode(Document("mail", 1, {})), "chat")


def test_a_newer_schema_is_refused_and_not_called_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_document, "SCHEMA", 2)
    text = encode(Document("chat", 1, {}))
    monkeypatch.undo()
    with pytest.raises(AutoscaleError, match=r"state of chat .* newer version .*schema 2, this one knows 1"):
        decode(text, "chat")


class Scalar(float):
    """Like numpy.float64: a float that names its dtype."""

    dtype = "float64"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), r"data\.a\[1\] is nan"),
        (float("-inf"), r"data\.a\[1\] is -inf"),
        ((1, 2), r"data\.a\[1\] is a tuple"),
        ({1, 2}, r"data\.a\[1\] is a set"),
        (b"x", r"data\.a\[1\] is a bytes"),
        (Scalar(1.0), r"data\.a\[1\] is a Scalar"),
        ({1: "x"}, r"data\.a\[1\] has the key 1:"),
        ({"b": object()}, r"data\.a\[1\]\.b is a object"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_its_place(value: object, message: str) -> None:
    with pytest.raises(AutoscaleError, match=message):
        plain_copy({"a": [0, value]})


@pytest.mark.parametrize("name", ["float64", "int64", "bool_"])
def test_numpy_scalars_are_refused(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(AutoscaleError, match=r"data\.rate is a "):
        plain_copy({"rate": getattr(numpy, name)(1)})


def test_a_copy_is_independent_and_of_plain_types() -> None:
    class Tagged(str):
        """Like the text that ansible-core 2.19 hands out."""

    inner = [1]
    copy = plain_copy({"list": inner, "name": Tagged("chat")})
    inner.append(2)
    assert copy == {"list": [1], "name": "chat"}
    assert copy["name"].__class__ is str
