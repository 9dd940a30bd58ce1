# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads Markdown pages as GitHub does: what is broken in one, where its links lead, and which anchors it has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")

_FENCE = re.compile(r"\s*(```+|~~~+)\s*[\w.+-]*\s*")
_BAR = re.compile(r"(?<!\\)\|")  # separates cells even inside of code, unless it is escaped


def damage(text: str) -> list[str]:
    """What a page has that its author cannot have meant, each with its line number, in no order."""
    lines = text.splitlines()
    found = [] if text.endswith("\n") and not text.endswith("\n\n") else ["the end: expected one line break"]
    found += [
        f"line {number}: a fence of code in the middle of a line"
        for number, line in enumerate(lines, start=1)
        if "```" in line and not _FENCE.fullmatch(line)
    ]
    in_table = False
    for token in _PARSER.parse(text):
        first, last = token.map or (0, 0)
        if token.type in ("table_open", "table_close"):
            in_table = token.type == "table_open"
        if token.type == "table_open":
            found += _damage_of_table(lines[first:last], first + 1)
        elif token.type == "fence":
            closing = lines[last - 1].strip()
            if last - first < 2 or not (closing.startswith(token.markup) and not closing.strip(token.markup[0])):
                found.append(f"line {first + 1}: this fence of code is never closed")
        elif token.type == "inline" and not in_table:
            found += [
                f"line {first + 1 + number}: a row that is in no table"
                for number, line in enumerate(token.content.splitlines())
                if line.lstrip().startswith("|")
            ]
    return found


def _damage_of_table(rows: Sequence[str], first: int) -> Iterator[str]:
    """Parsers pad rows that are too short and cut off what is too much, so the source is looked at."""
    columns = len(_BAR.split(rows[0].strip())) - 2
    for number, row in enumerate((row.strip() for row in rows), start=first):
        if not (row.startswith("|") and row.endswith("|") and len(row) > 1):
            yield f"line {number}: a row that does not begin and end with |"
        elif (cells := len(_BAR.split(row)) - 2) != columns:
            yield f"line {number}: {cells} cells in a table of {columns} columns"


def links(text: str) -> list[str]:
    """Where links and images of a page lead, as it says."""
    tokens = [child for token in _PARSER.parse(text) for child in token.children or []]
    found = [token.attrGet("href" if token.type == "link_open" else "src") for token in tokens]
    return [str(target) for target in found if target is not None]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings; of several with one text, all but the first are numbered."""
    tokens = _PARSER.parse(text)
    slugs = [_slug(tokens[i + 1]) for i, token in enumerate(tokens) if token.type == "heading_open"]
    times: Counter[str] = Counter()
    found = set()
    for slug in slugs:
        found.add(f"{slug}-{times[slug]}" if times[slug] else slug)
        times[slug] += 1
    return found


def _slug(heading: Token) -> str:
    shown = "".join(child.content for child in heading.children or [] if child.type in ("text", "code_inline"))
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
