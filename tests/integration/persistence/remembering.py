# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of a cluster, read without the code that keeps it, and whether a run went on from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.tests.integration.autoscale.clusters import Clusters
from redis import Redis

#: Beside which files of facts the agent's own are.
CACHE_PREFIX = "rlops_autoscale_"


@dataclass(frozen=True)
class Kept:
    """The newest document of a cluster; generation 0: there is none."""

    generation: int = 0
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def tick(self) -> int:
        return int(self.data.get("tick", 0))

    @property
    def table(self) -> dict[str, Any]:
        """What q_learning has learned: state -> action -> value."""
        return dict(self._memory.get("q_table", {}))

    @property
    def epsilon(self) -> float:
        """How often q_learning still explores: less with each tick that it has seen."""
        return float(self._memory.get("epsilon", 1.0))

    @property
    def _memory(self) -> dict[str, Any]:
        return dict(self.data.get("policies", {}).get("q_learning", {}))


def in_directory(folder: Path, key: str = "chat") -> Kept:
    """What files of a state directory say."""
    return _newest(path.read_text() for path in folder.glob(f"{key}.[eo]*.json"))


def in_cache(folder: Path, key: str = "chat") -> Kept:
    """What files of the cache plugin jsonfile say."""
    entries = (json.loads(path.read_text()) for path in folder.glob(f"{CACHE_PREFIX}*{key}.[eo]*"))
    # From ansible-core 2.19 on, an entry is wrapped once more.
    plain = (json.loads(entry["__payload__"]) if "__payload__" in entry else entry for entry in entries)
    return _newest(entry["document"] for entry in plain)


def in_facts(facts: dict[str, Any] | None, key: str = "chat") -> Kept:
    """What the facts of a host say."""
    texts = (facts or {}).get("rlops_autoscale", {})
    return _newest(text for name, text in texts.items() if name in (f"{key}.even", f"{key}.odd"))


def in_redis(client: Redis, key: str = "chat") -> Kept:
    """What a Redis server says."""
    texts = [client.get(f"rlops_autoscale:{{{key}}}:{slot}") for slot in ("even", "odd")]
    return _newest(text.decode() for text in texts if text is not None)


def ticks_in(output: str) -> int:
    """How many ticks a run shows, of all its clusters."""
    return len(re.findall(r"^\d\d:\d\d:\d\d .*\| \d+ ready", output, re.M))


class Wanderers(Clusters):
    """Clusters of one instance that have a policy with a table of what it has learned, and no setting for where it is
    kept. An instance is ready as soon as its process runs."""

    def inventory(self) -> str:
        hosts: dict[str, dict[str, Any]] = json.loads(super().inventory())["autoscaled"]["hosts"]
        common = {"autoscale_policy": "q_learning", "autoscale_max_instances": 1, "autoscale_health_url": ""}
        for name, settings in hosts.items():
            if "autoscale_state_store" not in self.settings:
                del settings["autoscale_state_store"]
            hosts[name] = common | settings
        return json.dumps({"autoscaled": {"hosts": hosts}}, indent=1)

    def output(self, **arguments: Any) -> str:
        """What a run of the loop prints, which has to end well."""
        run = self.run(**arguments)
        assert run.rc == 0, run.output
        return str(run.output)

    def check_goes_on(
        self, run: Callable[[], str], look: Callable[[], Kept], then: Callable[[], str] | None = None
    ) -> Kept:
        """A run (`then`, by default another of the same) goes on where an earlier one that has learned something
        ended. `run` gives the output, `look` what is kept."""
        self.settings["autoscale_deadline"] = 2
        before = Kept()
        for _unused in range(4):  # a busy machine has no time for two ticks in a run, so nothing to learn from
            if before.epsilon == 1:
                run()
                before = look()
        self.settings["autoscale_deadline"] = 0
        output = (then or run)()
        after = look()
        check_continued(before, after, output)
        return after


def check_continued(before: Kept, after: Kept, output: str | None = None) -> None:
    """What is kept after a run goes on from what was kept before it. `output` is the run's, if all of it is there."""
    ticks = after.tick - before.tick
    assert 0 < ticks < after.tick, (before.tick, after.tick, output)
    assert output is None or ticks == ticks_in(output), output
    # A run that ends without its last tick writes once more, for it shortens its lease.
    assert after.generation - before.generation in (ticks, ticks + 1), (before.generation, after.generation)
    assert after.data["seed"] == before.data["seed"], "it was drawn at the first tick of all"
    assert after.epsilon < before.epsilon, output
    assert before.table.keys() <= after.table.keys()


def _newest(texts: Iterable[str]) -> Kept:
    documents = [json.loads(text) for text in texts]
    newest = max(documents, key=lambda document: document["generation"], default=None)
    return Kept(newest["generation"], newest["data"]) if newest else Kept()
