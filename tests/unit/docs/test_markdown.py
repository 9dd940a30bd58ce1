# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All Markdown pages are whole, and their links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.tests.tools.markdown import anchors, damage, links

ROOT = Path(__file__).resolve().parents[3]
PLACES = ("docs", "roles", "playbooks", "extensions", "changelogs", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(page for place in PLACES for page in (ROOT / place).rglob("*.md"))])


def _has(target: Path, anchor: str) -> bool:
    return target.exists() and (not anchor or anchor in anchors(target.read_text(encoding="utf-8")))


def test_there_are_pages_to_look_at() -> None:
    found = {str(page.relative_to(ROOT)) for page in PAGES}
    assert found >= {"README.md", "docs/deciding.md", "docs/backends/docker.md", "roles/demo_service/README.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_and_code_are_whole(page: Path) -> None:
    assert damage(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    dead = []
    for link in links(page.read_text(encoding="utf-8")):
        path, _hash, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" not in link and not (target.is_relative_to(ROOT) and _has(target, anchor)):
            dead.append(link)
    assert dead == []


TABLE = "| a | b |\n|---|---|\n| `x` | y |\n| z | |\n"
CODE = "```console\n$ true\n```\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param(TABLE + "\nText.\n\n" + CODE, [], id="whole"),
        pytest.param("| a |\n|---|\n| `x\\|y` |\n", [], id="an escaped bar is no cell"),
        pytest.param("1. One:\n\n   " + CODE.replace("\n", "\n   ").rstrip() + "\n", [], id="code in a list"),
        pytest.param(
            "| a | b |\n|---|---|\n| `x` | y |\n| z | w | | v\n| u |\n",
            [
                "line 4: a row that does not begin and end with |",
                "line 5: 1 cells in a table of 2 columns",
            ],
            id="wrapped rows",
        ),
        pytest.param(
            "| a | b |\n|---|---|\n| x | y | | z | w |\n", ["line 3: 5 cells in a table of 2 columns"], id="joined rows"
        ),
        pytest.param(
            "| a | b |\n|---|---|\n| x | y |\nText.\n",
            ["line 4: a row that does not begin and end with |"],
            id="text in a table",
        ),
        pytest.param("Text.\n\n| x | y |\n", ["line 3: a row that is in no table"], id="no head"),
        pytest.param("| a | b |\n|---|\n", [f"line {n}: a row that is in no table" for n in (1, 2)], id="broken head"),
        pytest.param(
            "```\n$ true ```\n\nText.\n",
            ["line 2: a fence of code in the middle of a line", "line 1: this fence of code is never closed"],
            id="a fence closed in a line",
        ),
        pytest.param(
            "```\n$ true ```\n\n```\n$ true\n```\n",
            ["line 2: a fence of code in the middle of a line", "line 6: this fence of code is never closed"],
            id="a fence closed by the next one",
        ),
        pytest.param("Text ```\n", ["line 1: a fence of code in the middle of a line"], id="a lone fence"),
        pytest.param("Text.\n\n```\n$ true\n", ["line 3: this fence of code is never closed"], id="no end"),
        pytest.param("Text.", ["the end: expected one line break"], id="no last line break"),
    ],
)
def test_what_is_broken_is_found(text: str, what: list[str]) -> None:
    assert damage(text) == what


def test_anchors_are_those_that_github_gives() -> None:
    page = "# What `it` is, and: where\n\n## By hand\n\nText\n\n## By hand\n\n### s/d (q-learning) ≥ 2\n"
    assert anchors(page) == {"what-it-is-and-where", "by-hand", "by-hand-1", "sd-q-learning--2"}


def test_links_are_found_wherever_they_stand() -> None:
    page = '| a |\n|---|\n| [b](c.md#d "e") |\n\n* ![f](g.png)\n\n`[no](link)`\n'
    assert links(page) == ["c.md#d", "g.png"]
