# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted samples of a metrics page (Prometheus text format 0.0.4).

A page may hold thousands of lines of which a dozen are wanted. One compiled expression selects those, at the speed of a
string search; the grammar (escapes, NaN and Inf, timestamps, exemplars) is left to prometheus_client's own parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

#: Longer lines are dropped unread: the parser's time grows with the square of a line made of escaped quotes.
MAX_LINE_BYTES = 16_384


class Sample(NamedTuple):
    """One line of a page."""

    name: str
    labels: dict[str, str]
    value: float


def line_selector(names: Iterable[str]) -> re.Pattern[bytes]:
    """Expression for `read_samples` that finds the lines of the samples with these names, suffixes included."""
    alternatives = b"|".join(re.escape(name).encode() for name in sorted(names))
    # The leading line feed is what makes the search fast: it is found by memchr, an anchor ^ is tried at every byte.
    return re.compile(rb"\n[ \t]*((?:" + alternatives + rb")[ \t{][^\n]*)")


def read_samples(page: bytes, selector: re.Pattern[bytes]) -> tuple[list[Sample], list[str]]:
    """Samples of the lines that the selector finds, in their order, and what is wrong with the lines left out.

    A malformed line costs that line only. Of two with the same name and labels the first counts, as in Prometheus.
    """
    if text_string_to_metric_families is None:
        raise AutoscaleError("the Python package prometheus_client is needed: pip install prometheus-client")
    lines: list[str] = []
    problems: list[str] = []
    for line in selector.findall(b"\n" + page):
        if len(line) > MAX_LINE_BYTES:
            problems.append(f"line of {len(line)} bytes left out: {quoted(line[:60].decode(errors='replace'))}")
        else:
            lines.append(line.decode(errors="replace"))
    try:
        samples = _parse(lines)
    except (ValueError, OverflowError, IndexError):
        samples = []
        for text in lines:
            try:
                samples += _parse([text])
            except (ValueError, OverflowError, IndexError):
                problems.append(f"malformed line left out: {quoted(text, 80)}")
    return _without_duplicates(samples, problems), problems


def _parse(lines: Sequence[str]) -> list[Sample]:
    return [
        Sample(sample.name, sample.labels, float(sample.value))
        for family in text_string_to_metric_families("\n".join(lines))
        for sample in family.samples
    ]


def _without_duplicates(samples: Iterable[Sample], problems: list[str]) -> list[Sample]:
    kept: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for sample in samples:
        key = (sample.name, frozenset(sample.labels.items()))
        if key in kept:
            problems.append(f"{sample.name} occurs twice with the same labels: the first counts")
        else:
            kept[key] = sample
    return list(kept.values())
