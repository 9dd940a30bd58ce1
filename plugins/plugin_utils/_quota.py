# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A quota of instances that several clusters share, by priority and in fair shares.

    quota = {since, clusters: {name: {held, wanted, floor, priority, instances, interval, at}}}

At each tick a cluster claims what it wants, in one transaction on the document of the quota, and is told how many it
may order. Two figures decide on that:

* Its *share*, by what all want. First everybody gets the `floor`, what bounds and a pin say. Then the higher priority
  gets what it wants before the lower one gets any more. Equal priorities share by max-min fairness: nobody gets more
  than they want, and the smallest share is as large as can be, then the next one.
* What is *free*: the quota less all that others hold. A cluster holds what it has ordered, what it is about to order,
  and what still drains. What is free is kept for those of higher priority who have not got their share yet.

It may order the smaller of the two, so that what all hold together is never more than there is. A cluster that has
more than its share shrinks to it; until its instances have gone, they are held, and nobody else gets them.

What is not known is never free. A cluster that has not been heard of holds on to what it had, until it ticks again or
a person takes it out; and where the document is new, or was lost, nobody grows until all have had the time to say
what they have. A claim is recorded before anything is ordered, so whoever is killed in between holds too much, not
too little. Pure: plain data.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._moments import moment

#: A cluster has not been heard of after so many of its intervals, and seconds.
SILENT_TICKS, SILENT_S = 4, 120.0
#: Others that a sentence names.
NAMED = 3

Document = dict[str, Any]
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class QuotaSettings:
    """Which quota a cluster shares, and how important it is. Raises OptionError where that makes no sense."""

    name: str
    instances: int
    priority: int = 0

    def __post_init__(self) -> None:
        """Check the options."""
        if not self.name.strip():
            raise OptionError("quota.name", "the name that all who share it have in common is expected, got nothing")
        if self.instances < 1:
            raise OptionError("quota.instances", f"1 or more is expected, got {self.instances}")

    @property
    def key(self) -> str:
        """Where the state store keeps it."""
        return key_of(self.name)


@dataclass(frozen=True)
class Claim:
    """What one cluster says at a tick."""

    now: float  # unix seconds
    cluster: str
    quota: QuotaSettings
    interval: float  # s between two ticks
    ordered: int
    draining: int
    wanted: int  # what would be ordered if there were no quota
    floor: int  # what bounds and pin ask for, whatever the quota says
    max_step_down: int | None = None


@dataclass(frozen=True)
class Share:
    """What the cluster is told."""

    ceiling: int
    reason: str
    warnings: list[str] = field(default_factory=list)


def key_of(name: str) -> str:
    """The key of a quota in the state store."""
    return f"quota.{name}"


def opened(document: Document, now: float) -> Document:
    """The document, a new one where there was none."""
    return document or {"since": now, "clusters": {}}


def claim(document: Document, wish: Claim) -> tuple[Document, Share]:
    """The document after a claim, and what the cluster may order. {} is a quota that nobody uses."""
    own = {
        "wanted": wish.wanted,
        "floor": wish.floor,
        "priority": wish.quota.priority,
        "instances": wish.quota.instances,
        "interval": wish.interval,
        "at": wish.now,
        "held": wish.ordered + wish.draining,
    }
    others = {
        name: entry
        for name, entry in document.get("clusters", {}).items()
        if name != wish.cluster and (entry["held"] or not silent(entry, wish.now))
    }
    entries = {**others, wish.cluster: own}
    size = min(entry["instances"] for entry in entries.values() if not silent(entry, wish.now))
    due = shares(entries, size, wish.now)
    kept = sum(
        max(0, due[name] - entry["held"]) for name, entry in others.items() if entry["priority"] > own["priority"]
    )
    free = size - sum(entry["held"] for entry in others.values()) - kept
    new = "since" in document and abs(wish.now - document["since"]) < _patience(wish.interval)
    if new:
        free = min(free, own["held"])
    ceiling = min(due[wish.cluster], max(free, wish.ordered))
    if wish.max_step_down is not None:
        ceiling = max(ceiling, wish.ordered - wish.max_step_down)
    target = max(wish.floor, min(wish.wanted, ceiling))
    own["held"] = max(own["held"], target)
    if new and ceiling < due[wish.cluster]:
        why = f"is new, so until {moment(document['since'] + _patience(wish.interval))} nobody grows"
    else:
        why = f"has {size} instances{_others(others, due, wish.now)}"
    reason = f"{quoted(wish.quota.name)} {why}: at most {ceiling}"
    return {**document, "clusters": entries}, Share(ceiling, reason, list(_problems(entries, size, wish)))


def pinned(document: Document, cluster: str, count: int) -> Document:
    """The document when a person has pinned a cluster of it: what will be ordered at once is held already."""
    clusters = document.get("clusters", {})
    if cluster not in clusters:
        return document
    entry = clusters[cluster]
    held = {**entry, "held": max(entry["held"], count), "wanted": count, "floor": count}
    return {**document, "clusters": {**clusters, cluster: held}}


def left(document: Document, cluster: str) -> Document:
    """The document without a cluster: what it held is free."""
    clusters = document.get("clusters", {})
    if cluster not in clusters:
        return document
    return {**document, "clusters": {name: entry for name, entry in clusters.items() if name != cluster}}


def silent(entry: Entry, now: float) -> bool:
    """Whether a cluster has not been heard of for too long. A time in the future says nothing either."""
    return abs(now - float(entry["at"])) > _patience(entry["interval"])


def shares(entries: Mapping[str, Entry], size: int, now: float) -> dict[str, int]:
    """What each of the clusters is due of `size` instances, by floors, priority and max-min fairness.

    Those that are silent are due what they hold: they can neither give back nor take. The sum is more than `size` only
    where they and all floors are.
    """
    due = {name: int(entry["held"]) for name, entry in entries.items() if silent(entry, now)}
    heard = [(name, entry) for name, entry in entries.items() if name not in due]
    heard.sort(key=lambda each: -each[1]["priority"])
    left_over = size - sum(due.values()) - sum(entry["floor"] for _name, entry in heard)
    for _priority, equals in groupby(heard, key=lambda each: each[1]["priority"]):
        group = dict(equals)
        floors = sum(entry["floor"] for entry in group.values())
        given = _fair(group, floors + max(0, left_over))
        left_over -= sum(given.values()) - floors
        due |= given
    return due


def _fair(group: Mapping[str, Entry], size: int) -> dict[str, int]:
    """Max-min fair shares, no less than the floors and no more than is wanted.

    What cannot be divided goes to those that hold the most, so that nobody changes without need.
    """
    wanted = {name: max(entry["wanted"], entry["floor"]) for name, entry in group.items()}

    def at(level: int) -> dict[str, int]:
        return {name: min(max(level, entry["floor"]), wanted[name]) for name, entry in group.items()}

    # The largest level that all can be raised to, as water would stand in vessels with these floors and rims.
    level = bisect_right(range(max(wanted.values()) + 1), size, key=lambda step: sum(at(step).values())) - 1
    given, more = at(level), at(level + 1)
    rest = size - sum(given.values())
    for name in sorted(group, key=lambda name: (-group[name]["held"], name)):
        if rest > 0 and more[name] > given[name]:
            given[name] += 1
            rest -= 1
    return given


def _patience(interval: float) -> float:
    """Seconds after which a cluster with this interval must have been heard of."""
    return max(SILENT_S, SILENT_TICKS * interval)


def _others(others: Mapping[str, Entry], due: Mapping[str, int], now: float) -> str:
    """Where the rest of the quota is, in words."""
    told = sorted(
        (name for name in others if due[name] or others[name]["held"]),
        key=lambda name: (-others[name]["priority"], -max(due[name], others[name]["held"]), name),
    )
    parts = [_told(name, others[name], due[name], now) for name in told[:NAMED]]
    if len(told) > NAMED:
        rest = sum(max(due[name], others[name]["held"]) for name in told[NAMED:])
        parts.append(f"{len(told) - NAMED} others {rest}")
    return "".join(f", {part}" for part in parts)


def _told(name: str, entry: Entry, due: int, now: float) -> str:
    who = f"{quoted(name)} (priority {entry['priority']})"
    if silent(entry, now):
        return f"{who} has not ticked for {abs(now - entry['at']) / 60:.0f} min and keeps {entry['held']}"
    wanted = max(entry["wanted"], entry["floor"])
    gets = f"{who} needs {due} of them" if due == wanted else f"{who} gets {due} of the {wanted} it wants"
    return gets + (f" and still has {entry['held']}" if entry["held"] > due else "")


def _problems(entries: Mapping[str, Entry], size: int, wish: Claim) -> Iterable[str]:
    """What a person should know of."""
    name = f"quota {quoted(wish.quota.name)}"
    heard = {cluster: entry for cluster, entry in entries.items() if not silent(entry, wish.now)}
    sizes = {cluster: entry["instances"] for cluster, entry in heard.items()}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{quoted(cluster)} {count}" for cluster, count in sorted(sizes.items()))
        yield f"{name}: its clusters do not agree on how many instances it has ({said}); the fewest count: {size}"
    fixed = {cluster: entry["floor" if cluster in heard else "held"] for cluster, entry in entries.items()}
    if sum(fixed.values()) > size:
        said = ", ".join(f"{quoted(cluster)} {count}" for cluster, count in sorted(fixed.items()) if count)
        yield (
            f"{name} has {size} instances, and min_instances, pins and clusters that do not tick hold "
            f"{sum(fixed.values())} ({said}): it cannot be kept to"
        )
