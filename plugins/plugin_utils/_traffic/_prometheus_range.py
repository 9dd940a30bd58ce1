# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of the past from Prometheus, by range queries."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._http import Client, FetchError, Reply, Request, check_url
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import LARGEST
from ansible_collections.rlops.autoscale.plugins.module_utils._source_prometheus import data_of, unlike_prometheus
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np

#: Prometheus gives 11,000 points of a series at most.
POINTS = 10_000


class Span(NamedTuple):
    """So many moments, `step` seconds apart, the first at `start` (unix seconds)."""

    start: float
    step: float
    moments: int

    def parts(self) -> list[Span]:
        """The span in pieces that Prometheus answers at once."""
        firsts = range(0, self.moments, POINTS)
        return [Span(self.start + first * self.step, self.step, min(POINTS, self.moments - first)) for first in firsts]


def fetch(
    url: str, queries: Mapping[str, str], span: Span, http: Mapping[str, Any], *, means: Collection[str] = ()
) -> dict[str, Floats]:
    """One value a moment for each query, NaN where there is no sample; several series are added up.

    Those of the options `means` are refused instead: the sum of means is none.

    `queries` are PromQL by the option that holds them, which is named where Prometheus refuses one. `http` are options
    as in HTTP_SPEC. Raises AutoscaleError where any of them is not answered.
    """
    base = check_url("prometheus_url", url).rstrip("/")
    asked = [(option, part) for option in queries for part in span.parts()]
    urls = [f"{base}/api/v1/query_range?{urlencode(_parameters(queries[option], part))}" for option, part in asked]

    def read(index: int, reply: Reply) -> Floats:
        option, part = asked[index]
        return _values(option, part, reply, added=option not in means)

    answers = Client(http).fetch_all(urls, Request(accept="application/json"), read)
    values: dict[str, list[Floats]] = {option: [] for option in queries}
    for (option, _unused), answer in zip(asked, answers, strict=True):
        if isinstance(answer, FetchError):
            raise AutoscaleError(f"{option}: {answer}")
        values[option].append(answer)
    return {option: np.concatenate(parts) for option, parts in values.items()}


def _parameters(query: str, span: Span) -> dict[str, str]:
    end = span.start + (span.moments - 1) * span.step
    return {"query": query, "start": f"{span.start:.3f}", "end": f"{end:.3f}", "step": f"{span.step:.3f}"}


def _values(option: str, span: Span, reply: Reply, *, added: bool) -> Floats:
    """One value a moment; NaN, Inf and what is absurdly large are none."""
    values = np.full(span.moments, np.nan)
    data = data_of(option, reply)
    try:
        count = len(data["result"])
        if count > 1 and not added:
            raise OptionError(option, f"expected one series, got {count}; aggregate it, such as avg(...)")
        for series in data["result"]:
            for moment, text in series["values"]:
                place, value = round((float(moment) - span.start) / span.step), float(text)
                if 0 <= place < span.moments and abs(value) <= LARGEST:
                    values[place] = value + (0.0 if math.isnan(values[place]) else values[place])
    except (KeyError, TypeError, ValueError) as error:
        raise unlike_prometheus(reply) from error
    return values
