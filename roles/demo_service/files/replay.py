#!/usr/bin/env python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: the agent scales a service through a short day, then the same day is replayed with fixed counts.

First `rlops.autoscale.autoscale` scales the cluster of demo.yml while the load generator replays the day. Then fixed
counts get the same arrivals: the one that costs what the agent cost, and larger ones up to the smallest that breaks the
objective no more often than the agent did. All are judged alike, by the latencies that clients saw and the processes
that ran. A table ends the demo; `result.json` in its directory holds the figures, the other files how they came about.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import processes
import rates
import report
import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout

HERE = Path(__file__).resolve().parent
INVENTORY = HERE / "demo.yml"
AGENT = "demo"
PEAK_INSTANCES = 8  # instances that the busiest half hour needs
MOST_INSTANCES = 16  # largest fixed count that is tried
LOOK_PERIOD = 0.25  # s between two looks at the instances
BOOT_TIMEOUT = 60.0  # s for the first instances
LEAD = 1 / 18  # of a day: load before the day begins, as neither the agent nor fixed counts shall start cold
PROGRESS_PERIOD = 30.0  # s between two lines while fixed counts are replayed


@dataclass(frozen=True)
class Demo:
    """What is replayed, and where."""

    directory: Path
    seed: int
    day: float  # s
    concurrent: int  # fixed counts replayed at the same time
    objective: report.Objective

    @property
    def lead(self) -> float:
        """Seconds of load before the day begins."""
        return LEAD * self.day

    @property
    def rates(self) -> Path:
        """The rates of the short day, and before."""
        return self.directory / "rates.csv"

    def file(self, cluster: str, what: str) -> Path:
        """A file of one replay."""
        return self.directory / f"{cluster}.{what}"


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


class Watcher:
    """Looks at the instances of a cluster: what runs, what is ready. What a load balancer's health checks would do."""

    def __init__(self, demo: Demo, cluster: str) -> None:
        self.samples: list[tuple[float, int]] = []  # unix time, running instances
        self.ready = 0
        self._demo = demo
        self._cluster = cluster

    async def run(self) -> None:
        """Look again and again, and keep the instances file of the load generator up to date."""
        path = self._demo.file(self._cluster, "instances.json")
        async with ClientSession(timeout=ClientTimeout(total=1.0)) as session:
            while True:
                running = processes.instances(self._demo.directory, self._cluster)
                self.samples.append((time.time(), len(running)))
                healthy = await asyncio.gather(*(_healthy(session, instance.port) for instance in running))
                self.ready = sum(healthy)
                new = path.with_suffix(".new")
                new.write_text(
                    json.dumps({"instances": [_described(*pair) for pair in zip(running, healthy, strict=True)]})
                )
                new.replace(path)
                await asyncio.sleep(LOOK_PERIOD)

    async def wait_for(self, count: int) -> None:
        """Wait until so many instances are ready."""
        deadline = time.monotonic() + BOOT_TIMEOUT
        while self.ready < count:
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{self._cluster}: {self.ready} of {count} instances were ready after {BOOT_TIMEOUT:g} s"
                )
            await asyncio.sleep(LOOK_PERIOD)


def _described(instance: processes.Instance, healthy: bool) -> dict[str, Any]:
    state = "ready" if healthy else "booting"
    return {"name": instance.name, "state": state, "address": "127.0.0.1", "port": instance.port}


async def _healthy(session: ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/healthz") as response:
            return response.status == 200
    except (ClientError, TimeoutError):
        return False


@contextlib.asynccontextmanager
async def watching(demo: Demo, cluster: str) -> AsyncIterator[Watcher]:
    """Watch a cluster for the length of a `with` block."""
    watcher = Watcher(demo, cluster)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watcher.run())
        yield watcher
        task.cancel()


async def run(demo: Demo, command: list[str], log: Path, show: Callable[[str], None] | None = None) -> list[str]:
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


def playbook(demo: Demo, name: str, **variables: Any) -> list[str]:
    """The command that runs a playbook of the collection on the demo's inventory."""
    extra = json.dumps({"demo_directory": str(demo.directory)} | variables)
    return [sys.executable, "-m", "ansible", "playbook", f"rlops.autoscale.{name}", "-i", str(INVENTORY), "-e", extra]


async def replay_load(demo: Demo, cluster: str, start_at: float, watcher: Watcher, name: str) -> report.Verdict:
    """Replay the day to one cluster, and judge it."""
    output = demo.file(cluster, "latencies.csv")
    command = [sys.executable, str(HERE / "load.py"), f"--rates={demo.rates}", f"--output={output}"]
    command += [f"--instances={demo.file(cluster, 'instances.json')}", f"--seed={demo.seed}", f"--start-at={start_at}"]
    lines = await run(demo, command, demo.file(cluster, "load.log"))
    samples = [report.Sample(at - start_at - demo.lead, running) for at, running in watcher.samples]
    report.write_samples(samples, demo.file(cluster, "running.csv"))
    lateness = json.loads(lines[-1])["lateness_p99_s"]
    return report.judge(
        name,
        report.read_messages(output, demo.lead),
        samples,
        duration=demo.day,
        objective=demo.objective,
        lateness=lateness,
    )


async def replay_with_agent(demo: Demo, settings: dict[str, Any]) -> report.Verdict:
    """Replay the day while the agent scales the cluster."""
    start_at = math.inf
    decisions = 0

    def show(line: str) -> None:
        nonlocal decisions
        if f" {AGENT}: " in line:
            elapsed = time.time() - start_at - demo.lead
            say(f"{clock(elapsed, demo.day)}  {line.partition(f' {AGENT}: ')[2]}")
            decisions += elapsed >= 0 and ", order " in line
        elif line.startswith(("fatal:", "[ERROR]", "[WARNING]")):
            say(line)

    async with watching(demo, AGENT) as watcher, asyncio.TaskGroup() as tasks:
        deadline = BOOT_TIMEOUT + demo.lead + demo.day + 60
        command = playbook(demo, "autoscale", autoscale_deadline=deadline)
        agent = tasks.create_task(run(demo, command, demo.file(AGENT, "log"), show))
        await watcher.wait_for(settings["autoscale_min_instances"])
        start_at = time.time() + 1
        verdict = await replay_load(demo, AGENT, start_at, watcher, "agent")
        agent.cancel()
    processes.end(demo.directory)
    return replace(verdict, decisions=decisions)


async def replay_with_fixed(demo: Demo, counts: list[int]) -> dict[int, report.Verdict]:
    """Replay the day with fixed counts, all at the same time."""
    async with contextlib.AsyncExitStack() as stack:
        watchers = {}
        for count in counts:
            cluster = f"{AGENT}-fixed-{count}"
            variables = {
                "autoscale_cluster": cluster,
                "autoscale_min_instances": 1,
                "autoscale_max_instances": MOST_INSTANCES,
                "instance_count": count,
            }
            await run(demo, playbook(demo, "scale", **variables), demo.file(cluster, "log"))
            watchers[count] = await stack.enter_async_context(watching(demo, cluster))
        for count, watcher in watchers.items():
            await watcher.wait_for(count)
        start_at = time.time() + 2
        async with asyncio.TaskGroup() as tasks:
            progress = tasks.create_task(_show_progress(demo, start_at))
            replays = {
                count: tasks.create_task(
                    replay_load(demo, f"{AGENT}-fixed-{count}", start_at, watcher, f"{count} fixed")
                )
                for count, watcher in watchers.items()
            }
            await asyncio.wait(replays.values())
            progress.cancel()
    processes.end(demo.directory)
    return {count: replay.result() for count, replay in replays.items()}


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


async def play(demo: Demo, settings: dict[str, Any]) -> None:
    """The whole demo."""
    processes.end(demo.directory)  # of a demo that was killed
    say("The agent scales:")
    agent = await replay_with_agent(demo, settings)
    equal = report.equal_cost(agent, demo.day)
    fixed: dict[int, report.Verdict] = {}
    while counts := report.next_counts(agent, fixed, equal, demo.concurrent, MOST_INSTANCES):
        say(f"The same day with fixed counts of {', '.join(map(str, counts))}, at the same time ({demo.day:g} s):")
        fixed |= await replay_with_fixed(demo, counts)
    say("\n" + report.summary(agent, fixed, equal))
    result = {"agent": asdict(agent), "fixed": {count: asdict(fixed[count]) for count in sorted(fixed)}}
    result |= {"equal_cost": equal, "smallest_as_good": report.smallest_as_good(agent, fixed)}
    demo.file("result", "json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


async def main(options: argparse.Namespace) -> None:
    """Fit the trace, play the demo, and leave no process behind."""
    settings = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["autoscaled"]["hosts"][AGENT]
    slo = settings["autoscale_slo"]["p99_latency"]
    service_rate = settings["autoscale_pools"][0]["environment"]["SERVICE_RATE"]
    demo = Demo(
        directory=options.directory.resolve(),
        seed=options.seed,
        day=options.day,
        concurrent=options.concurrent,
        objective=report.Objective(latency=slo, tick=settings["autoscale_interval"]),
    )
    at_most = service_rate - math.log(100) / slo  # messages/s of an instance that just keeps the objective (M/M/1)
    trace = rates.busiest(rates.read(options.trace)) if options.trace else rates.synthetic_day(demo.seed)
    short = rates.fit(trace, demo.day, PEAK_INSTANCES * at_most)
    demo.directory.mkdir(parents=True, exist_ok=True)
    rates.write(rates.led_in(short, demo.lead), demo.rates)
    say(
        f"A day in {demo.day:g} s: {options.trace or 'made up'}, seed {demo.seed}, "
        f"{short.mean(0, demo.day):.0f} messages/s on average, {max(short.values):.0f} at most.\n"
        f"An instance does {service_rate}/s, and keeps p99 within {slo:g} s up to {at_most:.0f}/s."
    )
    this = asyncio.current_task()
    assert this
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    try:
        await play(demo, settings)
    finally:
        processes.end(demo.directory)


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; an option not given is looked for in the environment (`make demo SEED=2`)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def option(name: str, kind: Callable[[str], Any], default: Any, text: str) -> None:
        parser.add_argument(f"--{name}", type=kind, default=os.environ.get(name.upper(), default), help=text)

    option(
        "trace", Path, None, "rate trace (CSV: t_seconds,rate) whose busiest day is replayed (default: a made-up day)"
    )
    option("seed", int, 1, "seed of the made-up day and of the arrivals (default 1)")
    option("day", float, 360.0, "length of the day in seconds (default 360)")
    option(
        "concurrent", int, 2 * (os.cpu_count() or 1), "fixed counts replayed at the same time (default: two per CPU)"
    )
    parser.add_argument(
        "--directory", type=Path, default=".build/demo", help="where files are kept (default %(default)s)"
    )
    return parser.parse_args(argv)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group, and of groups in it."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from causes(each)
    else:
        yield error


if __name__ == "__main__":
    try:
        asyncio.run(main(arguments()))
    except* (DemoError, rates.TraceError) as errors:
        sys.exit("\n".join(map(str, causes(errors))))
    except* (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
