# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Only the wanted lines are parsed, and what they say is what parsing the whole page says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._exposition import (
    MAX_LINE_BYTES,
    Sample,
    line_selector,
    read_samples,
)
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

WANTED = ("app_queue", "app_latency_bucket")
SELECTOR = line_selector(WANTED)


def whole_page(text: str, names: tuple[str, ...]) -> list[Sample]:
    return [
        Sample(sample.name, sample.labels, float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in names
    ]


def same(left: list[Sample], right: list[Sample]) -> bool:
    """Equal, NaN being equal to itself."""
    return repr(left) == repr(right)


def test_finds_the_wanted_among_similar_names() -> None:
    text = b'app_queue 1\napp_queue_total 2\nmy_app_queue 3\n# HELP app_queue 4\n\tapp_queue{a="b"} 5\napp_queue\t6 \n'
    samples, problems = read_samples(text, SELECTOR)
    assert [sample.value for sample in samples] == [1, 5]
    assert problems == ["app_queue occurs twice with the same labels: the first counts"]


@pytest.mark.parametrize(
    "line",
    [
        r'app_queue{path="C:\\dir\n",said="\"no\""} 1',
        'app_queue{text="a } b , c = d # e"} 2',
        "app_queue NaN",
        "app_queue +Inf",
        "app_queue -Inf",
        "app_queue 1.5e-3 1395066363000",
        'app_latency_bucket{le="0.1"} 7 # {trace_id="abc def"} 0.07 1395066363.1',
        'app_queue 3 # {trace_id="abc"} 0.5',
        'app_queue{text="ü 漢字"} 1',
        'app_queue { a = "b" , } 4',
    ],
)
def test_the_grammar_is_that_of_the_whole_page_parser(line: str) -> None:
    text = f"# TYPE other gauge\nother 1\n{line}\nother2 2\n"
    samples, problems = read_samples(text.encode(), SELECTOR)
    expected = whole_page(text, WANTED)
    assert expected
    assert same(samples, expected)
    assert problems == []


LABEL_VALUES = st.text(max_size=12)
VALUES = st.one_of(st.floats(), st.integers(-(10**9), 10**9))


@given(st.lists(st.tuples(st.sampled_from([*WANTED, "other", "app_queue_other"]), LABEL_VALUES, VALUES), max_size=12))
def test_equal_values_on_any_page(rows: list[tuple[str, str, float]]) -> None:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    unique = {(name, label): value for name, label, value in rows}
    text = "".join(f'{name}{{le="{escaped(label)}"}} {value!r}\n' for (name, label), value in unique.items())
    samples, problems = read_samples(text.encode(), SELECTOR)
    assert same(samples, whole_page(text, WANTED))
    assert problems == []


@pytest.mark.parametrize(
    "name", ["article_node_app", "demo_service_saturated", "haproxy_2_6_drain", "node_exporter_1_5", "prometheus_2_42"]
)
def test_equal_values_on_recorded_pages(shared_dir: Path, name: str) -> None:
    text = (shared_dir / "metrics" / f"{name}.prom").read_text(encoding="utf-8")
    names = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    # The whole-page parser adds _total to counters that lack it; the page's own names are used here.
    own = tuple(sorted(name for name in names if f"\n{name}" in "\n" + text))[::3]
    samples, problems = read_samples(text.encode(), line_selector(own))
    expected = [sample for sample in whole_page(text, own) if f"\n{sample.name}" in "\n" + text]
    assert len(samples) > 20 or name == "demo_service_saturated"
    assert same(sorted(samples, key=repr), sorted(expected, key=repr))
    assert problems == []


@pytest.mark.parametrize(
    "bad",
    [
        "app_queue",
        "app_queue ",
        "app_queue one",
        'app_queue{a="b" 1',
        "app_queue{a=b} 1",
        'app_queue{a="b",a="c"} 1',
        "app_queue 0x10",
        "app_queue 1_000",
        'app_queue{="x"} 1',
        "app_queue {} {} 1 1",
        "app_queue " + "9" * 400,
        "app_queue " + "9" * 5000,
    ],
)
def test_a_malformed_line_costs_that_line_only(bad: str) -> None:
    text = f'app_latency_bucket{{le="1"}} 5\n{bad}\napp_latency_bucket{{le="2"}} 6\n'
    samples, problems = read_samples(text.encode(), SELECTOR)
    assert [sample.value for sample in samples if sample.name == "app_latency_bucket"] == [5, 6]
    assert len(samples) + len(problems) == (2 if bad == "app_queue" else 3)
    assert all("malformed line" in problem and len(problem) < 200 for problem in problems)


@given(st.binary(max_size=60))
def test_nothing_after_a_wanted_name_breaks_the_page(rest: bytes) -> None:
    good = b'app_latency_bucket{le="1"} 5'
    samples, _unused = read_samples(good + b"\napp_queue{" + rest + b"\napp_queue " + rest + b"\n" + good, SELECTOR)
    assert Sample("app_latency_bucket", {"le": "1"}, 5.0) in samples
    assert all(isinstance(sample.value, float) for sample in samples)


def test_a_line_of_quotes_is_not_parsed() -> None:
    line = b'app_queue{a="' + b'\\"' * MAX_LINE_BYTES + b'"} 1'
    samples, problems = read_samples(line + b"\napp_queue 2\n", SELECTOR)
    assert [sample.value for sample in samples] == [2]
    assert "left out" in problems[0]
    assert len(problems[0]) < 200


def test_invalid_utf8_and_control_characters_stay_out_of_messages() -> None:
    _unused, problems = read_samples(b"app_queue \x1b[31m\xff\xfe red\n", SELECTOR)
    assert len(problems) == 1
    assert "\x1b" not in problems[0]


def test_the_first_of_duplicates_counts() -> None:
    samples, problems = read_samples(b"app_queue 1\napp_queue 2\n", SELECTOR)
    assert [sample.value for sample in samples] == [1]
    assert len(problems) == 1


def test_nan_is_a_sample_here() -> None:
    samples, _unused = read_samples(b"app_queue NaN\n", SELECTOR)
    assert math.isnan(samples[0].value)
