# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A page becomes a reading: names, labels, aggregation, scale, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import (
    MAX_SERIES,
    Histogram,
    PageError,
    PageReader,
    Reading,
    series_key,
)

Options = Callable[..., dict[str, Any]]


@pytest.fixture
def read(snapshot_options: Options) -> Callable[..., Reading]:
    def read(page: str, created_at: float | None = None, **metrics: dict[str, Any]) -> Reading:
        return PageReader(snapshot_options(metrics=metrics)["metrics"]).read(page.encode(), 100.0, created_at)

    return read


def test_the_articles_metrics_by_default(shared_dir: Path, read: Callable[..., Reading]) -> None:
    reading = read((shared_dir / "metrics/demo_service_saturated.prom").read_text())
    assert reading.at == 100.0
    assert reading.started == 1.79534381445e09
    assert reading.queue_depth == 186
    assert reading.eventloop_lag == 0.0006224909998309158
    assert reading.utilisation is None
    assert list(reading.latency) == [""]
    histogram = reading.latency[""]
    assert histogram.buckets == {
        0.01: 130,
        0.05: 497,
        0.1: 703,
        0.2: 872,
        0.5: 1225,
        1: 1315,
        2: 1506,
        5: 1832,
        inf: 1832,
    }
    assert histogram.total == 1571.4500039270156
    assert reading.problems == ()


def test_an_event_loop_lag_of_another_library_is_not_taken(shared_dir: Path, read: Callable[..., Reading]) -> None:
    page = (shared_dir / "metrics/article_node_app.prom").read_text()
    assert read(page).eventloop_lag != read(page, eventloop_lag={"name": "nodejs_eventloop_lag_seconds"}).eventloop_lag


@pytest.mark.parametrize("name", ["node_exporter_1_5", "haproxy_2_6_drain"])
def test_a_page_with_nothing_wanted_names_what_was_looked_for(
    shared_dir: Path, read: Callable[..., Reading], name: str
) -> None:
    with pytest.raises(PageError, match="none of these metrics is on the page: app_p99_latency_seconds, app_message"):
        read((shared_dir / f"metrics/{name}.prom").read_text())


def test_a_start_time_alone_is_nothing_wanted(read: Callable[..., Reading]) -> None:
    with pytest.raises(PageError):
        read("process_start_time_seconds 5\n")


@pytest.mark.parametrize(("aggregation", "expected"), [("sum", 9.0), ("mean", 3.0), ("max", 5.0)])
def test_several_series_of_a_gauge(read: Callable[..., Reading], aggregation: str, expected: float) -> None:
    page = 'depth{worker="1"} 1\ndepth{worker="2"} 5\ndepth{worker="3"} 3\ndepth{worker="4"} NaN\n'
    reading = read(page, queue_depth={"name": "depth", "aggregation": aggregation})
    assert reading.queue_depth == expected
    assert reading.problems == ("depth is nan: left out",)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"queue": "in"}, 1.0),
        ({"queue": "~in|out"}, 3.0),
        ({"queue": "~.*", "zone": "b"}, 2.0),
        ({"zone": ""}, 5.0),  # as in Prometheus: without the label
        ({"queue": "i"}, None),
        ({"code": 200}, 8.0),
    ],
)
def test_labels_select(read: Callable[..., Reading], labels: dict[str, Any], expected: float | None) -> None:
    page = (
        'd{queue="in",zone="a"} 1\nd{queue="out",zone="b"} 2\nd 4\nd{queue="x.in"} 1\nd{zone="c",code="200"} 8\nlag 0\n'
    )
    reading = read(page, queue_depth={"name": "d", "labels": labels}, eventloop_lag={"name": "lag"})
    assert reading.queue_depth == expected


def test_a_label_that_is_no_expression_is_named(read: Callable[..., Reading]) -> None:
    with pytest.raises(OptionError, match=r"^metrics\.latency\.labels: .*not a regular expression"):
        read("", latency={"labels": {"route": "~("}})


def test_scale_brings_milliseconds_to_seconds(read: Callable[..., Reading]) -> None:
    page = 'ms_bucket{le="200"} 4\nms_bucket{le="+Inf"} 5\nms_sum 900\nms_count 5\nlag_ms 12\n'
    reading = read(page, latency={"name": "ms", "scale": 0.001}, eventloop_lag={"name": "lag_ms", "scale": 0.001})
    assert reading.latency[""].buckets == {0.2: 4, inf: 5}
    assert reading.latency[""].total == pytest.approx(0.9)
    assert reading.eventloop_lag == pytest.approx(0.012)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1", str(2**64 - 1)])
def test_a_gauge_that_cannot_be_is_left_out_aloud(read: Callable[..., Reading], value: str) -> None:
    reading = read(f"app_message_queue_depth {value}\napp_eventloop_lag_seconds 0.5\n")
    assert reading.queue_depth is None
    assert reading.eventloop_lag == 0.5
    assert len(reading.problems) == 1


@pytest.mark.parametrize(("value", "expected"), [(0.5, 0.5), (1.02, 1.0), (85, None)])
def test_utilisation_is_a_part_of_one(read: Callable[..., Reading], value: float, expected: float | None) -> None:
    reading = read(f"busy {value}\n", utilisation={"name": "busy"})
    assert reading.utilisation == expected
    assert bool(reading.problems) is (expected is None)


def test_histogram_series_are_kept_apart_and_bounds_are_numbers(read: Callable[..., Reading]) -> None:
    page = (
        'h_bucket{le="1",route="a"} 1\nh_bucket{le="1.0",route="a"} 2\nh_bucket{route="a",le="+Inf"} 9\n'
        'h_bucket{le="1",route="b"} 5\nh_count{route="b"} 6\nh_bucket{le="x",route="b"} 5\n'
        'h_bucket{le="NaN",route="b"} 5\n'
        'h_bucket{le="1",route="c"} 5\nh_sum{route="a"} NaN\n'
    )
    reading = read(page, latency={"name": "h"})
    assert reading.latency == {
        series_key({"route": "a"}): Histogram({1.0: 3, inf: 9}, None),
        series_key({"route": "b"}): Histogram({1.0: 5, inf: 6}, None),  # the count stands in for +Inf
    }
    assert len(reading.problems) == 4  # two bounds, one NaN, one series without an end


def test_a_summary_gives_count_and_sum(read: Callable[..., Reading]) -> None:
    reading = read('s{quantile="0.99"} 0.7\ns_count 10\ns_sum 3\n', latency={"name": "s"})
    assert reading.latency == {"": Histogram({inf: 10}, 3)}


def test_the_latest_start_counts_and_created_at_stands_in(read: Callable[..., Reading]) -> None:
    page = 'app_message_queue_depth 0\nprocess_start_time_seconds{pid="1"} 5\nprocess_start_time_seconds{pid="2"} 7\n'
    assert read(page, created_at=3.0).started == 7
    assert read("app_message_queue_depth 0\nprocess_start_time_seconds NaN\n", created_at=3.0).started == 3
    assert read("app_message_queue_depth 0\n").started is None


def test_an_empty_name_switches_a_metric_off(read: Callable[..., Reading]) -> None:
    reading = read("app_message_queue_depth 3\napp_eventloop_lag_seconds 1\n", queue_depth={"name": ""})
    assert reading.queue_depth is None
    assert reading.eventloop_lag == 1


def test_too_many_series_are_refused(read: Callable[..., Reading]) -> None:
    page = "".join(f'app_message_queue_depth{{user="{user}"}} 1\n' for user in range(MAX_SERIES + 1))
    with pytest.raises(PageError, match="narrow them"):
        read(page)


def test_series_keys_ignore_order_and_le_and_are_short() -> None:
    assert series_key({"a": "1", "b": "2", "le": "5"}) == series_key({"b": "2", "a": "1"})
    assert series_key({"a": "1"}) != series_key({"a": "2"})
    assert series_key({"le": "5"}) == ""
    assert len(series_key({"a": "x" * 10_000})) == 12
