# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All load balancers of a cluster together. One that does not answer keeps no other from its work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, SettingError, about
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._balancers._base import (
    ACTIVE,
    DRAINING,
    PUT_ASIDE,
    Balancer,
    Server,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Mark, Reported, Traffic


@dataclass(frozen=True)
class Balancing:
    """The load balancers by name."""

    balancers: Mapping[str, Balancer] = field(default_factory=dict)

    def traffic(
        self, instances: Sequence[Reported], marks: Mapping[str, Mark]
    ) -> tuple[dict[str, Traffic] | None, dict[str, str]]:
        """What they say of each instance; None where there is no load balancer. And who does not answer: name -> why.

        Raises SettingError.
        """
        if not self.balancers:
            return None, {}
        answers: dict[str, Mapping[str, Server]] = {}
        silent: dict[str, str] = {}
        for name, balancer in self.balancers.items():
            try:
                answers[name] = balancer.status(instances)
            except SettingError:
                raise
            except AutoscaleError as error:
                silent[name] = str(error)
        return {i.name: self._together(i.name, marks.get(i.name), answers, silent) for i in instances}, silent

    def _together(
        self, name: str, mark: Mark | None, answers: Mapping[str, Mapping[str, Server]], silent: Mapping[str, str]
    ) -> Traffic:
        servers = {balancer: answer[name] for balancer, answer in answers.items() if name in answer}
        active = [server for server in servers.values() if server.state == ACTIVE]
        sessions = [server.sessions for server in servers.values()]
        known = [count for count in sessions if count is not None]
        # Of one that does not answer is known only what it was asked for last.
        asked = bool(silent) and mark is not None and mark.registered_at is not None and not mark.drained
        return Traffic(
            sent=bool(active) or asked,
            everywhere=len(active) == len(self.balancers),
            up=len(active) == len(self.balancers) and all(server.up for server in active),
            lacking=answers.keys() - servers.keys(),
            sessions=sum(known) if servers and len(known) == len(sessions) and not silent else None,
            answered=not silent,
            detail="; ".join(self._details(servers, silent)),
        )

    def _details(self, servers: Mapping[str, Server], silent: Mapping[str, str]) -> Iterable[str]:
        """What keeps traffic away, by load balancer."""
        words = {DRAINING: "it drains there", PUT_ASIDE: "it was put aside there"}
        for name in self.balancers:
            server = servers.get(name)
            if name in silent:
                yield f"load balancer {name} does not answer"
            elif server is None:
                yield f"load balancer {name} does not have it"
            elif server.state != ACTIVE:
                yield f"load balancer {name}: {words[server.state]}"
            elif not server.up:
                yield f"load balancer {name}: {server.detail or 'not healthy'}"

    def tell(
        self,
        operation: Callable[[Balancer, Sequence[Reported]], None],
        concerned: Callable[[str], Sequence[Reported]],
    ) -> list[AutoscaleError]:
        """Let each do something with the instances that concern it; returns what went wrong."""
        errors: list[AutoscaleError] = []
        for name, balancer in self.balancers.items():
            instances = concerned(name)
            try:
                if instances:
                    operation(balancer, instances)
            except AutoscaleError as error:
                errors.append(about(f"load balancer {name}", error))
        return errors
