# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service rate of one server, in messages/s, learned from what a service shows anyway.

One snapshot teaches at most one lesson, the most direct one that its figures allow (X completions/s of n ready
instances with c servers each):

- `saturation`: queues stood at both scrapes, so the servers were busy throughout: X/(n c). Where connections stick, a
  queue has to stand in each instance: what waits in one is not what another could do.
- `utilisation`: a metric says which share u of the time servers were busy: X/(u n c), where 0.05 < u < 0.95.
- `sojourn`: the mean time in the service is that of an M/M/c queue with throughput X and which rate? Latency must
  include the time in the queue.

Lessons are averaged with exponential weights; one that is far off counts only as far as OUTLIER goes, so that a
freak interval hardly matters and a lasting change gets through.

**Why a wrong model cannot run away.** A service that works on more messages at once than `servers_per_instance` says
is never faster when idle: its sojourn time hardly depends on load, and the sojourn lesson takes that for permanent
near-saturation, X/(n c) + 1/T. Adding instances lowers X/n, hence the estimate, hence asks for more instances. So the
estimate never falls below a floor that adding instances cannot move: the largest throughput of one server that was
ever shown. Adding instances cannot raise it, and it falls only by being refuted, where the SLO is broken at a smaller
throughput. Once refuted with n instances it is not refuted again with more than n, until a larger throughput has been
shown (which takes more load or fewer instances, not more of them), unless queues grow by a twentieth of the
throughput, which a service at steady load only does where it truly cannot keep up. So at steady load the floor falls
at most once on the way up, and the count is bounded by what the floor asks for, which does not depend on the count.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._queueing import service_rate_of

#: Weight of the newest lesson: 20 lessons take in 88 % of a change.
WEIGHT = 0.1
#: Lessons before the rate is used: a minute at the usual interval, as the first scrape only tells who is there.
ENOUGH_LESSONS = 3
#: A lesson counts as at most this factor above or below the rate.
OUTLIER = 1.5
#: Queues stand where they hold at least this share of what is completed in an interval: the servers had no pause.
STANDING = 0.1
#: Domain of a utilisation: below it is mostly overhead, above it is censored.
UTILISATION_DOMAIN = (0.05, 0.95)
#: Queues grow where they take in at least this share of what is completed in an interval.
GROWING = 0.05
#: Fewer completions in an interval say little about a mean.
ENOUGH_COMPLETIONS = 20
#: Standard errors (of a Poisson count) taken off a throughput before it counts as shown.
STANDARD_ERRORS = 2.0


class Estimate(NamedTuple):
    """The service rate as known so far."""

    rate: float | None  # messages/s of one server; None: not enough lessons yet
    source: str  # saturation, utilisation, sojourn, or shown: the floor is above the average; none
    lessons: int


class _Queues(NamedTuple):
    """Messages that wait at one scrape."""

    total: float | None  # in all queues
    shortest: float | None  # in the shortest of the ready instances' queues; None where one of these is not known

    @classmethod
    def of(cls, snapshot: Mapping[str, Any]) -> _Queues:
        ready = [each.get("queue_depth") for each in snapshot.get("instances") or [] if each.get("state") == "ready"]
        return cls(snapshot.get("queue_total"), min(ready) if ready and None not in ready else None)


class _Measured(NamedTuple):
    """What a snapshot says about servers that all worked throughout the interval."""

    throughput: float  # messages/s of the whole cluster
    instances: int
    servers: int  # of the whole cluster
    completions: float
    standing: bool  # queues stood at both scrapes, before all servers
    moving: bool  # queues stood at one of them, or not before all servers
    uneven: bool  # queues stood, but not before all servers
    overloaded: bool  # queues stood and grew
    over_slo: bool


def estimate(memory: Mapping[str, Any]) -> Estimate:
    """The rate that the lessons so far add up to."""
    lessons = memory.get("lessons", 0)
    if lessons < ENOUGH_LESSONS:
        return Estimate(None, "none", lessons)
    if memory["floor"] > memory["rate"]:
        return Estimate(memory["floor"], "shown", lessons)
    return Estimate(memory["rate"], memory["source"], lessons)


def learn(
    memory: Mapping[str, Any],
    snapshot: Mapping[str, Any],
    *,
    servers_per_instance: int = 1,
    queueing: str = "shared",
    slo_p99: float | None = None,
) -> dict[str, Any]:
    """What is remembered after one more snapshot; `memory` ({} at first) stays as it is.

    Remembered: `rate`, `lessons` (their number), `source` of the last, `floor`, `refuted_at` (instances, or None), and
    of the last scrape `crew` (checksum of the ready instances' names), `queue` (messages in all queues) and `least`
    (in the shortest queue of a ready instance).
    A snapshot teaches only where it is valid, every ready instance answered, none drains, and the same instances were
    ready at the scrape before.
    """
    crew, queues = _crew(snapshot), _Queues.of(snapshot)
    learned = {**memory, "crew": crew, "queue": queues.total, "least": queues.shortest}
    if crew is None or crew != memory.get("crew"):
        return learned
    both = (_Queues(memory.get("queue"), memory.get("least")), queues)
    measured = _measure(snapshot, both, servers_per_instance, queueing=queueing, slo_p99=slo_p99)
    if measured is None:
        return learned
    learned.update(_floor(memory, measured))
    lesson = _lesson(snapshot, measured, servers_per_instance, queueing)
    if lesson is not None:
        rate, source = lesson
        lessons = memory.get("lessons", 0)
        if lessons:
            known = memory["rate"]
            rate = min(max(rate, known / OUTLIER), known * OUTLIER)
            rate = known + max(WEIGHT, 1.0 / (lessons + 1)) * (rate - known)
        learned.update(rate=rate, source=source, lessons=lessons + 1)
    return learned


def _crew(snapshot: Mapping[str, Any]) -> int | None:
    """Checksum of who worked; None where that, or anything they did, is not fully known."""
    instances = snapshot.get("instances") or []
    if not snapshot.get("valid") or any(instance.get("state") == "draining" for instance in instances):
        return None
    ready = sorted(instance["name"] for instance in instances if instance.get("state") == "ready")
    if not ready or snapshot.get("answered") != len(ready):
        return None
    return zlib.crc32("\n".join(ready).encode())


def _measure(
    snapshot: Mapping[str, Any],
    queues: tuple[_Queues, _Queues],
    servers_per_instance: int,
    *,
    queueing: str,
    slo_p99: float | None,
) -> _Measured | None:
    """The figures of the interval between two scrapes with these `queues`; None where nothing was completed or its
    length is unknown."""
    throughput, interval = snapshot.get("completion_rate"), snapshot.get("interval_s")
    if not throughput or not interval or not throughput * interval >= 1:
        return None
    completions, instances = throughput * interval, snapshot["answered"]
    totals = [each.total or 0.0 for each in queues]
    stood = [total >= STANDING * completions for total in totals]
    everywhere = all(stood)
    if queueing == "per_instance":
        everywhere = all((each.shortest or 0.0) >= STANDING * completions / instances for each in queues)
    p99 = snapshot.get("p99_latency_s")
    return _Measured(
        throughput=throughput,
        instances=instances,
        servers=instances * servers_per_instance,
        completions=completions,
        standing=everywhere,
        moving=any(stood) and not everywhere,
        uneven=all(stood) and not everywhere,
        overloaded=all(stood) and totals[1] - totals[0] >= GROWING * completions,
        over_slo=slo_p99 is not None and p99 is not None and p99 > slo_p99,
    )


def _lesson(
    snapshot: Mapping[str, Any], measured: _Measured, servers_per_instance: int, queueing: str
) -> tuple[float, str] | None:
    """The rate that this interval shows, and how; None where the figures are in no method's domain."""
    per_server = measured.throughput / measured.servers
    if measured.standing:
        return per_server, "saturation"
    utilisation = snapshot.get("utilisation")
    if utilisation is not None:
        low, high = UTILISATION_DOMAIN
        return (per_server / utilisation, "utilisation") if low < utilisation < high else None
    sojourn = snapshot.get("mean_latency_s")
    if not sojourn or measured.moving or measured.completions < ENOUGH_COMPLETIONS:
        return None
    if queueing == "per_instance":
        throughput, servers = measured.throughput / measured.instances, servers_per_instance
    else:
        throughput, servers = measured.throughput, measured.servers
    return service_rate_of(sojourn, throughput, servers), "sojourn"


def _floor(memory: Mapping[str, Any], measured: _Measured) -> dict[str, Any]:
    """The throughput of one server that has been shown and not been refuted; see the proof above."""
    floor, refuted_at = memory.get("floor", 0.0), memory.get("refuted_at")
    per_server = measured.throughput / measured.servers
    shown = per_server * (1.0 - STANDARD_ERRORS / math.sqrt(measured.completions))
    if shown >= floor:
        return {"floor": shown, "refuted_at": None}
    refutable = refuted_at is None or measured.instances <= refuted_at or measured.overloaded
    if measured.over_slo and not measured.uneven and per_server < floor and refutable:
        return {"floor": per_server, "refuted_at": measured.instances}
    return {"floor": floor, "refuted_at": refuted_at}
