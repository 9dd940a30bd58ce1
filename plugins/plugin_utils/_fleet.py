# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tick of many clusters: in several processes, and what came of it in data and in words."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

#: Fewer clusters than this are not worth a process.
WORTH_A_PROCESS = 40

#: What is used of the result of a cluster's tick.
USED = ("act", "ansible_stats", "busy", "changed", "decision", "failed", "fence", "message", "msg")

Tick = Callable[[str], dict[str, Any]]


def in_processes(hosts: Sequence[str], tick: Tick, processes: int | None = None) -> dict[str, dict[str, Any]]:
    """What `tick` returns for each host, in their order.

    The first is done here, so that what all of them need is known to the processes that are forked for the others: so
    many, by default one for each processor that this process may use, and no more than are worth it. A host whose
    process ends early has failed.
    """
    if not hosts:
        return {}
    first, *others = hosts
    results: dict[str, dict[str, Any]] = {first: tick(first)}
    count = processes or min(len(os.sched_getaffinity(0)), len(others) // WORTH_A_PROCESS)
    if count < 2:
        return results | {host: tick(host) for host in others}
    running = [_Work(others[start::count], tick) for start in range(count)]
    for host, result in _received([work.receiver for work in running]):
        results[host] = result
    for work in running:
        work.process.join()
    ended = {"failed": True, "changed": False, "msg": "the process that worked on it has ended early"}
    return {host: results.get(host, ended) for host in hosts}


class _Work:
    """A process that does its share, and sends each result."""

    def __init__(self, hosts: Sequence[str], tick: Tick) -> None:
        context = multiprocessing.get_context("fork")
        self.receiver, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=self._run, args=(hosts, tick, sender))
        self.process.start()
        sender.close()

    @staticmethod
    def _run(hosts: Sequence[str], tick: Tick, sender: Connection) -> None:
        for host in hosts:
            sender.send((host, tick(host)))
        sender.close()


def _received(receivers: Sequence[Connection]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What processes send, until all of them have ended."""
    still_open = {receiver.fileno(): receiver for receiver in receivers}
    while still_open:
        for ready in wait(list(still_open.values())):
            receiver = still_open[ready if isinstance(ready, int) else ready.fileno()]
            try:
                yield receiver.recv()
            except EOFError:
                del still_open[receiver.fileno()]


@dataclass
class Fleet:
    """The results of rl_scale_decision by inventory host, in the order in which they came."""

    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def acting(self) -> dict[str, dict[str, Any]]:
        """What is to be carried out, by host: the target, and the fence under which it was decided."""
        return {
            host: {"target": result["decision"]["target"], "fence": result["fence"]}
            for host, result in self.results.items()
            if result.get("act")
        }

    @property
    def failures(self) -> dict[str, str]:
        """Why clusters could not tick, by host."""
        return {host: str(result["msg"]) for host, result in self.results.items() if result.get("failed")}

    @property
    def changed(self) -> bool:
        return any(result.get("changed") for result in self.results.values())

    def lines(self) -> Iterator[str]:
        """A line for each cluster that changes, or that another run works on; those that keep their count are counted
        only."""
        for result in self.results.values():
            if result.get("changed") or result.get("busy"):
                yield result["message"]

    def warnings(self) -> Iterator[str]:
        """What a person should know, each once."""
        yield from dict.fromkeys(warning for result in self.results.values() for warning in result.get("warned", ()))

    def summary(self) -> str:
        """All of them in one line."""
        states = [_state(result) for result in self.results.values()]
        counts = [f"{states.count(state)} {state}" for state in _STATES if state in states]
        return f"{len(states)} clusters: {', '.join(counts) or 'none'}"

    def result(self) -> dict[str, Any]:
        """The result of the task."""
        stats = [result["ansible_stats"]["data"] for result in self.results.values() if "ansible_stats" in result]
        data = {name: told for part in stats for name, told in part.items()}
        return {
            "changed": self.changed,
            "acting": self.acting,
            "failures": self.failures,
            "message": self.summary(),
            "ansible_stats": {"data": data, "per_host": False, "aggregate": False},
        }


_STATES = ("grow", "shrink", "have something to finish", "keep what they have", "were not due", "are busy", "failed")


def _state(result: Mapping[str, Any]) -> str:
    grow, shrink, finish, keep, not_due, busy, failed = _STATES
    if result.get("failed"):
        return failed
    if result.get("busy"):
        return busy
    decision = result.get("decision")
    if decision is None:
        return not_due
    if result.get("changed"):
        return grow if decision["target"] > decision["current"] else shrink
    return finish if result.get("act") else keep
