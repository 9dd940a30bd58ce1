# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replays the day to clusters, all at the same time: to those that the agent scales, or to fixed counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import processes
import report
from watching import Watcher, watching

HERE = Path(__file__).resolve().parent
INVENTORY = HERE / "demo.yml"
FIXED = "fixed"  # host of the inventory that stands for all fixed counts
MOST_INSTANCES = 16  # largest fixed count that is tried
BOOT_PATIENCE = 60.0  # s for the first instances
LEAD = 1 / 18  # of a day: load before the day begins, as neither the agent nor fixed counts shall start cold
FIRST_TICK = 2.0  # s, about: from the start of ansible-playbook to its first tick
HEAD_START = 8.0  # s from the start of ansible-playbook to that of the load, unless instances take longer to boot
LEFT_OUT = ": left out"  # of ticks that come late, as they do while the one before scales; the log has them
PROGRESS_PERIOD = 30.0  # s between two lines while fixed counts are replayed


@dataclass(frozen=True)
class Demo:
    """What is replayed, and where."""

    directory: Path
    seed: int
    day: float  # s
    objective: report.Objective

    @property
    def lead(self) -> float:
        """Seconds of load before the day begins."""
        return LEAD * self.day

    @property
    def ahead(self) -> float:
        """Seconds from the agent's first tick to the beginning of the day, about."""
        return HEAD_START - FIRST_TICK + self.lead

    @property
    def rates(self) -> Path:
        """The rates of the short day, and of the lead."""
        return self.directory / "rates.csv"

    @property
    def history(self) -> Path:
        """Rates until the agent's first tick, if anything is known of them."""
        return self.directory / "history.csv"

    def file(self, cluster: str, what: str) -> Path:
        """A file of one replay."""
        return self.directory / f"{cluster}.{what}"


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


async def with_agent(demo: Demo, clusters: Sequence[str], least: int) -> list[report.Verdict]:
    """Replay the day while the agent scales these clusters, each from `least` instances on; shows the first."""
    start_at: float | None = None
    decisions: Counter[str] = Counter()

    def show(line: str) -> None:
        name, _colon, said = line.partition(": ")
        name = name.rpartition(" ")[2]
        elapsed = -1.0 if start_at is None else time.time() - start_at - demo.lead
        if name in clusters:
            decisions[name] += elapsed >= 0 and ", order " in said
            if name == clusters[0] and LEFT_OUT not in said:
                say(f"{clock(elapsed, demo.day)}  {said}")
        elif line.startswith(("fatal:", "[ERROR]", f"[WARNING]: {clusters[0]}")):
            say(line)

    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        watchers = {cluster: await _watching(stack, demo, cluster) for cluster in clusters}
        begun = time.time()
        arguments = ["--limit", ",".join(clusters), "--forks", str(len(clusters))]
        command = playbook(demo, "autoscale", autoscale_deadline=BOOT_PATIENCE + demo.lead + demo.day + 60)
        agent = tasks.create_task(_run(demo, [*command, *arguments], demo.file("agent", "log"), show))
        for watcher in watchers.values():
            await watcher.wait_for(least, BOOT_PATIENCE)
        start_at = max(time.time() + 1, begun + HEAD_START)
        verdicts = await _replayed(demo, watchers, start_at)
        agent.cancel()
    processes.end(demo.directory)
    return [replace(verdict, decisions=decisions[verdict.name]) for verdict in verdicts]


async def with_fixed(demo: Demo, counts: Sequence[int]) -> dict[int, report.Verdict]:
    """Replay the day with fixed counts."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        watchers = await _started(stack, demo, counts)
        start_at = time.time() + 2
        progress = tasks.create_task(_show_progress(demo, start_at))
        verdicts = await _replayed(demo, watchers, start_at)
        progress.cancel()
    processes.end(demo.directory)
    return dict(zip(counts, verdicts, strict=True))


async def _started(stack: AsyncExitStack, demo: Demo, counts: Sequence[int]) -> dict[str, Watcher]:
    """Clusters of these fixed counts, ready and watched, by name."""
    watchers = {}
    for count in counts:
        name = f"{count} {FIXED}"
        cluster = name.replace(" ", "-")
        variables = {
            "cluster": FIXED,
            "autoscale_cluster": cluster,
            "autoscale_min_instances": 1,
            "autoscale_max_instances": MOST_INSTANCES,
            "instance_count": count,
        }
        await _run(demo, playbook(demo, "scale", **variables), demo.file(cluster, "log"))
        watchers[name] = await _watching(stack, demo, cluster)
        await watchers[name].wait_for(count, BOOT_PATIENCE)
    return watchers


def playbook(demo: Demo, name: str, **variables: Any) -> list[str]:
    """The command that runs a playbook of the collection on the demo's inventory."""
    known = {
        "demo_directory": str(demo.directory),
        "demo_day": demo.day,
        "demo_history": {"trace": str(demo.history)} if demo.history.exists() else None,
    }
    extra = json.dumps(known | variables)
    return [sys.executable, "-m", "ansible", "playbook", f"rlops.autoscale.{name}", "-i", str(INVENTORY), "-e", extra]


async def _watching(stack: AsyncExitStack, demo: Demo, cluster: str) -> Watcher:
    return await stack.enter_async_context(watching(demo.directory, cluster, demo.file(cluster, "instances.json")))


async def _replayed(demo: Demo, watchers: Mapping[str, Watcher], start_at: float) -> list[report.Verdict]:
    """Replay the day to all these clusters; what is said of each, in their order."""
    async with asyncio.TaskGroup() as tasks:
        replays = [tasks.create_task(_replayed_to(demo, name, watcher, start_at)) for name, watcher in watchers.items()]
    return [replay.result() for replay in replays]


async def _replayed_to(demo: Demo, name: str, watcher: Watcher, start_at: float) -> report.Verdict:
    """Replay the day to one cluster, and judge it."""
    cluster = watcher.cluster
    output = demo.file(cluster, "latencies.csv")
    command = [sys.executable, str(HERE / "load.py"), f"--rates={demo.rates}", f"--output={output}"]
    command += [f"--instances={demo.file(cluster, 'instances.json')}", f"--seed={demo.seed}", f"--start-at={start_at}"]
    lines = await _run(demo, command, demo.file(cluster, "load.log"))
    samples = [report.Sample(at - start_at - demo.lead, running) for at, running in watcher.samples]
    report.write_samples(samples, demo.file(cluster, "running.csv"))
    return report.judge(
        name,
        report.read_messages(output, demo.lead),
        samples,
        duration=demo.day,
        objective=demo.objective,
        lateness=json.loads(lines[-1])["lateness_p99_s"],
    )


async def _run(demo: Demo, command: list[str], log: Path, show: Callable[[str], None] | None = None) -> list[str]:
    """Run a command to its end, show and log each line of its output as it comes; all lines."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {processes.MARK: str(demo.directory), "ANSIBLE_NOCOLOR": "1"},
        limit=2**24,
        start_new_session=True,  # Ctrl-C is for us; we end our children
    )
    assert process.stdout
    lines = []
    try:
        with log.open("w", encoding="utf-8") as file:
            async for raw in process.stdout:
                lines.append(raw.decode(errors="replace").rstrip())
                file.write(lines[-1] + "\n")
                file.flush()
                if show:
                    show(lines[-1])
        if await process.wait():
            raise DemoError(f"{' '.join(command[:3])} failed: {lines[-1] if lines else ''}\nSee {log}")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
    return lines


async def _show_progress(demo: Demo, start_at: float) -> None:
    while True:
        await asyncio.sleep(PROGRESS_PERIOD)
        say(clock(time.time() - start_at - demo.lead, demo.day))


def clock(elapsed: float, day: float) -> str:
    """The time of the short day; before it begins, dashes."""
    if elapsed < 0:
        return "--:--"
    minutes = int(min(max(0.0, elapsed / day), 1.0) * 24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)
