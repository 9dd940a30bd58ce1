# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: whole, safe, small, and nothing that matters is hidden."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._page import page
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._result import Course, Replay
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._script import SCRIPT
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._style import STYLE
from ansible_collections.rlops.autoscale.plugins.plugin_utils._backtest._words import name, note
from ansible_collections.rlops.autoscale.tests.unit.plugins.plugin_utils._backtest._replays import (
    course,
    marked,
    replayed,
    values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = 5760  # ticks
MOST_BYTES = 1_500_000
VOID = {"meta", "br", "input", "link", "img", "hr"}


class Page(HTMLParser):
    """Its elements, and whether each is closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []  # the innermost element, and text in it
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for kind, found in self.elements if kind == tag and attributes.items() <= found.items()]

    def inside(self, tag: str) -> list[str]:
        return [text for innermost, text in self.texts if innermost == tag]

    def paths(self, style: str) -> list[str]:
        return [attributes["d"] or "" for attributes in self.all("path", **{"class": style})]


def shown(replay: Replay, title: str = "Two weeks") -> Page:
    return Page(page(replay, title))


def test_it_is_a_whole_document() -> None:
    html = page(replayed(), "Two weeks")
    assert html.startswith("<!doctype html>\n<html lang=")
    assert html.endswith("</html>\n")
    found = Page(html)
    assert found.inside("title")[0] == found.inside("h1")[0] == "Two weeks"
    ids = [attributes["id"] for _tag, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = [attributes.get("aria-labelledby") or "" for _tag, attributes in found.elements]
    assert set(" ".join(referred).split()) <= set(ids)


def test_it_needs_nothing_else() -> None:
    html = page(replayed(2 * DAY), "Two weeks")
    assert not re.search(r"https?:|//[a-z]|url\(|@import|\bsrc=|href=|<link|<img|<iframe", html, re.IGNORECASE)


def test_only_its_own_script_may_run() -> None:
    html = page(replayed(), "Two weeks")
    found = Page(html)
    assert found.inside("script") == [SCRIPT.strip()]
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"] == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'"
    assert not [found for _tag, attributes in found.elements for found in attributes if found.startswith("on")]


def test_the_script_is_one() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to check the script with")
    subprocess.run([node, "--check", "-"], input=SCRIPT, text=True, check=True, timeout=60)
    assert "innerHTML" not in SCRIPT
    assert "</" not in SCRIPT


def test_each_contender_has_a_row_and_a_line_and_a_strip() -> None:
    counts = np.full(2 * DAY, 3)
    names = [f"policy {number}" for number in range(7)]
    found = shown(replayed(2 * DAY, *(course(each, counts + place) for place, each in enumerate(names))))
    assert found.inside("th")[-8:] == ["optimum", *names]
    assert found.inside("label") == ["optimum", *names]
    for place in range(8):
        lines = [path for path in found.all("path", **{"data-place": str(place)}) if "exact" in str(path["class"])]
        assert len(lines) == 1
        assert len(found.all("div", **{"class": "row strip", "data-place": str(place)})) == 1
    assert len(found.all("div", **{"class": "bar"})) == 8


def test_figures_can_be_sorted() -> None:
    cells = shown(replayed(2 * DAY)).all("td")
    assert len(cells) == 3 * 8
    for cell in cells:
        assert cell["data-value"] == "" or float(str(cell["data-value"])) >= 0.0


def test_pictures_are_told_to_those_who_do_not_see_them() -> None:
    found = shown(replayed(2 * DAY))
    pictures = found.all("svg")
    assert all(picture["role"] == "img" for picture in pictures)
    told = found.inside("desc")
    assert len(told) == len(pictures)
    assert re.match(r"\d+(\.\d+)? messages/s on average, at most 180 on 13 Nov 18:\d\d", told[0])
    assert "p99 over the SLO for 0.04 % of the time" in told


def test_what_needs_the_script_is_hidden_without_it() -> None:
    found = shown(replayed(2 * DAY))
    assert not [tag for tag, attributes in found.elements if tag == "input" and "hidden" not in attributes]
    (controls,) = found.all("div", **{"class": "controls"})
    (over,) = found.all("div", **{"class": "over-plots"})
    assert "hidden" in controls
    assert "hidden" in over


def test_a_worst_day_can_be_looked_at() -> None:
    found = shown(replayed(3 * DAY))
    days = found.all("button", **{"data-action": "show"})
    assert [(day["data-begin"], day["data-end"]) for day in days] == [("0", str(3 * DAY)), ("0", str(DAY // 2))]
    assert found.inside("button")[-1] == "Worst day of shadow_q"
    assert not shown(replayed(DAY)).all("button", **{"data-action": "day"})


def test_dates_are_in_utc() -> None:
    texts = " ".join(text for _tag, text in shown(replayed(2 * DAY)).texts)
    assert "2025-11-13 12:00 to 2025-11-15 12:00 UTC" in texts
    found = shown(replayed(2 * DAY, start=0.0))
    shown_texts = " ".join(text for tag, text in found.texts if tag != "script")
    assert "UTC" not in shown_texts
    assert "day 1, 00:00 to day 3, 00:00" in shown_texts


def test_costs_add_up_as_they_are_shown() -> None:
    counts = np.full(DAY, 3)
    ragged = [course("a", counts + (np.arange(DAY) % 7 == 0), range(123)), course("b", counts * 5, range(1234))]
    sums = [text for text in shown(replayed(DAY, *ragged)).inside("div") if "regret" in text]
    assert len(sums) == 2
    for text in sums:
        found = re.fullmatch(r"(\S+) \+ (\S+) = (\S+), regret \+\d+ %", text)
        assert found
        instances, priced, cost = map(float, found.groups())
        assert instances + priced == pytest.approx(cost)


def test_settings_notes_and_reasons_are_told() -> None:
    counts = np.full(DAY, 3)
    replay = replayed(
        DAY,
        course("hpa", counts, reasons=("first", "then")),
        notes=["One hour was missing."],
        assumed={"service_rate": 50.0, "slo_queue_depth": None},
    )
    found = shown(replay)
    assert found.inside("li")[-1] == "One hour was missing."
    assert found.inside("code")[-2:] == ["service_rate", "slo_queue_depth"]
    assert found.inside("dd") == ["50", "none", "first", "then"]
    bare = [text for _tag, text in shown(replayed(DAY)).texts]
    assert not {"Notes", "Assumed settings", "Why: the last decision of each"} & set(bare)


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "</script><script>alert(1)</script>",
            "<!--<script>",
            "\"' onmouseover=alert(1) x='",
            "</title></style></svg><img src=x onerror=alert(1)>",
            "{{ 7 * 7 }}{% raw %}",
            "]]>&lt;&amp;&#0;",
            "\u2028\x00\x1b[2J\ud800",
        ]
    ),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(HOSTILE, min_size=7, max_size=7))
def test_text_from_outside_stays_text(texts: list[str]) -> None:
    def made(title: str, first: str, second: str, told: str, option: str, value: str, reason: str) -> Page:
        counts = np.full(300, 3)
        courses = course(first, counts, range(9), given_up=5.0), course(second, counts + 1, reasons=[reason])
        return shown(replayed(300, *courses, notes=[told], assumed={option: value}), title)

    plain, hostile = made(*"abcdefg"), made(*texts)
    kinds = [[(tag, sorted(attributes)) for tag, attributes in found.elements] for found in (plain, hostile)]
    assert kinds[0] == kinds[1]
    assert hostile.inside("script") == [SCRIPT.strip()]
    assert hostile.inside("style") == [STYLE.strip()]
    assert "".join(hostile.inside("h1")) == written(note(texts[0]))
    assert "".join(hostile.inside("label")) == "".join(("optimum", *(written(name(text)) for text in texts[1:3])))


def written(text: str) -> str:
    return text.encode("utf-8", "replace").decode().strip()


@pytest.mark.parametrize("contenders", [1, 6])
def test_sixty_days_fit(contenders: int) -> None:
    ticks = 60 * DAY
    rng = np.random.default_rng(0)
    restless = [course(f"policy {place}", rng.integers(1, 90, ticks)) for place in range(contenders)]
    for each in restless:
        each.p99[:] = rng.choice([0.1, 0.25, 0.5], ticks)
    replay = replayed(ticks, *restless, rates=rng.uniform(0.0, 1e6, ticks))
    html = page(replay, "Sixty days")
    assert len(html.encode()) < MOST_BYTES


def test_no_peak_and_no_violation_of_sixty_days_is_hidden() -> None:
    ticks, peak, moment = 60 * DAY, 123_457, 234_561
    rng = np.random.default_rng(0)
    rates = rng.uniform(50.0, 100.0, ticks)
    rates[peak] = 200.0
    counts = rng.integers(3, 9, ticks)
    counts[peak], counts[moment] = 17, 1
    found = shown(replayed(ticks, course("hpa", counts, [moment]), rates=rates, optimum=course("optimum", counts)))

    drawn = values(found.paths("rate")[0])
    assert len(drawn) == ticks
    assert abs(int(drawn.argmax()) - peak) < 60
    counted = values(found.paths("best exact")[0])
    assert (counted.max(), counted.min()) == (17, 1)
    assert abs(int(counted.argmax()) - peak) < 60
    assert abs(int(counted.argmin()) - moment) < 60
    _optimum, exact = found.paths("over exact")
    assert np.flatnonzero(marked(exact, ticks)).tolist() == [moment]
    _optimum, seen = found.paths("over mean")
    assert seen.count("M") == 1


def flat(ticks: int, *names: str) -> list[Course]:
    return [course(each, np.ones(ticks, dtype=np.int64)) for each in names]


@pytest.mark.parametrize(
    ("replay", "sentence"),
    [
        (replayed(1, *flat(1, "hpa")), "hpa costs 1.00 instances on average"),
        (replayed(40), "Of 2 contenders"),
        (replayed(DAY, *flat(DAY, "a"), rates=np.zeros(DAY)), "a costs 1.00 instances on average"),
        (replayed(DAY, *flat(DAY, "a", "b"), slo_p99=None), "a costs about the same as b"),
        (replayed(DAY, *flat(DAY, "a", "b")), "neither was ever over the SLO"),
        (replayed(3, course("a", [1, 2, 1], range(3))), "A closer look: the worst hour of a"),
        (replayed(DAY, start=0.0), "Of 2 contenders"),
        (replayed(DAY, interval=0.5), "Of 2 contenders"),
        (replayed(DAY, interval=3600.0), "Of 2 contenders"),
    ],
    ids=["a tick", "ten minutes", "no traffic", "no SLO", "no difference", "always over", "no date", "fast", "slow"],
)
def test_odd_replays_have_a_page(replay: Replay, sentence: str) -> None:
    found = shown(replay)
    texts = " ".join(text for tag, text in found.texts if tag not in {"script", "style"})
    assert sentence in texts
    for _tag, attributes in found.elements:
        for value in (attributes.get("d"), attributes.get("viewbox"), attributes.get("style")):
            assert not re.search("nan|inf|e[-+]", value or "")


def luminance(colour: str) -> float:
    """As WCAG defines it."""
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = (int(digits[place : place + 2], 16) / 255.0 for place in (0, 2, 4))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_texts_and_lines_stand_out(mode: int) -> None:
    colours: dict[str, str] = dict(re.findall(r"--([a-z0-9-]+): #([0-9a-f]{3,6});", STYLE.split(":root {")[mode + 1]))
    for text in ("ink", "soft", "link", "over"):
        assert contrast(colours[text], colours["page"]) >= 4.5
    for line in ("best", "over", "far", "optimum", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5"):
        assert contrast(colours[line], colours["page"]) >= 3.0, line


def test_the_same_replay_gives_the_same_page() -> None:
    made: list[Any] = [page(replayed(), "Two weeks") for _unused in range(2)]
    assert made[0] == made[1]
