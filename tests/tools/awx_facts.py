# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for AWX 24.6.1, which is no package: what it does with the facts of hosts around a job.

It is written from what AWX was seen to do, and is as strict. Real is ansible-runner, which carries a job to its
container and back as it does for AWX; on that way, the times of files lose their zone, and odd seconds. A container is
a folder that is the job's home and is thrown away: its processes see all of this machine. There is no database, no API
and no task manager.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.waiting import wait_for
from ansible_runner import interface

PLAYBOOK, INVENTORY = "site.yml", "hosts.yml"


@dataclass(frozen=True)
class Job:
    """A job that has ended: its status as AWX shows it, what it printed, the hosts whose facts were replaced, and what
    it hands on to the next node of a workflow, as extra vars."""

    status: str
    output: str
    replaced: list[str]
    artifacts: dict[str, Any]


@dataclass
class Container:
    """The place where a job runs now."""

    process: subprocess.Popen[bytes]
    facts: Path
    printed: Path

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait for something to be true while the job runs."""
        try:
            wait_for(lambda: condition() or self.process.poll() is not None, 120)
            assert condition(), "the job has ended"
        except AssertionError as error:
            raise AssertionError(self.printed.read_text()) from error

    def stop(self) -> None:
        """What the time limit of a job does: ansible-runner kills the playbook, and hands back what it has left."""
        self.process.send_signal(signal.SIGTERM)

    def lose(self) -> None:
        """The node is gone, with all that ran on it."""
        for pid in (self.process.pid, *_descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Awx:
    """Runs jobs below `folder`. `environment` is that of its containers, without a home.

    facts: of the hosts of its inventory, by name; None where it has none.
    zone: its own time zone; its containers have UTC. fact_storage: the switch of its templates.
    """

    folder: Path
    environment: Mapping[str, str]
    facts: dict[str, dict[str, Any] | None]
    zone: str = "UTC"
    fact_storage: bool = True
    _jobs: int = field(default=0, init=False)

    def job(
        self,
        playbook: str,
        inventory: str,
        *,
        meanwhile: Callable[[Container], None] | None = None,
        environment: Mapping[str, str] | None = None,
        extra_vars: Mapping[str, Any] | None = None,
    ) -> Job:
        """Run a playbook on an inventory (both YAML) and wait for its end. `environment` is what credentials bring;
        `meanwhile` is called once the container has been started."""
        self._jobs += 1
        private, container = self.folder / f"awx_{self._jobs}", self.folder / f"container_{self._jobs}"
        for path in (private / "project", private / "inventory", container / "home"):
            path.mkdir(parents=True, mode=0o700)
        (private / "project" / PLAYBOOK).write_text(playbook)
        (private / "inventory" / INVENTORY).write_text(inventory)
        try:
            return self._run(private, container, meanwhile, environment or {}, extra_vars or {})
        finally:
            shutil.rmtree(private)
            shutil.rmtree(container)

    def _run(
        self,
        private: Path,
        container: Path,
        meanwhile: Callable[[Container], None] | None,
        environment: Mapping[str, str],
        extra_vars: Mapping[str, Any],
    ) -> Job:
        ident = str(self._jobs)
        facts = Path("artifacts", ident, "fact_cache")
        written_at = self._lay_out(private / facts) if self.fact_storage else None
        settings = {
            "ident": ident,
            "private_data_dir": str(private),
            "playbook": PLAYBOOK,
            "inventory": str(private / "inventory" / INVENTORY),
            "extravars": dict(extra_vars),
            "suppress_env_files": True,
            "fact_cache_type": "jsonfile" if self.fact_storage else "",
            "envvars": {
                "JOB_ID": ident,
                "INVENTORY_ID": "1",
                "AWX_HOST": "https://awx.example.com",
                "AWX_PRIVATE_DATA_DIR": str(private),
                "MAX_EVENT_RES": "700000",
                **environment,
            },
        }
        there, back = container / "there", container / "back"
        with there.open("wb") as stream:
            interface.run(streamer="transmit", _output=stream, cancel_callback=_never, **settings)
        self._work(container, there, back, container / "runner" / facts, meanwhile)
        events: list[dict[str, Any]] = []
        arrived: list[str] = []
        with back.open("rb") as stream, _in_zone(self.zone):
            ended = interface.run(
                streamer="process",
                _input=stream,
                ident=ident,
                private_data_dir=str(private),
                quiet=True,
                event_handler=events.append,
                artifacts_handler=arrived.append,
                cancel_callback=_never,
            )
        replaced = self._read_back(private / facts, written_at) if arrived and self.fact_storage else []
        printed = "\n".join(event.get("stdout", "") for event in events)
        artifacts = [event.get("event_data", {}).get("artifact_data", {}) for event in events]
        return Job(ended.status, printed, replaced, dict(ChainMap(*artifacts)))

    def _work(
        self,
        container: Path,
        there: Path,
        back: Path,
        facts: Path,
        meanwhile: Callable[[Container], None] | None,
    ) -> None:
        """Run what has been transmitted."""
        home = container / "home"
        command = [sys.executable, "-m", "ansible_runner", "worker", "--private-data-dir", str(container / "runner")]
        environment = {**self.environment, "HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible")}
        with there.open("rb") as given, back.open("wb") as answer:
            process = subprocess.Popen(
                command,
                cwd=container,
                env={**environment, "TZ": "UTC"},
                stdin=given,
                stdout=answer,
                start_new_session=True,
            )
        running = Container(process, facts, back)
        try:
            if meanwhile:
                meanwhile(running)
            process.wait(120)
        finally:
            if process.poll() is None:
                running.lose()
                process.wait()

    def _lay_out(self, directory: Path) -> float | None:
        """Write the facts that there are, a file each, as plain JSON. Returns when the last one was written."""
        directory.mkdir(parents=True, mode=0o700)
        written_at = None
        for host, facts in self.facts.items():
            if facts is not None:
                path = directory / host
                path.touch(0o600)
                path.write_text(json.dumps(facts))
                written_at = path.stat().st_mtime
        return written_at

    def _read_back(self, directory: Path, written_at: float | None) -> list[str]:
        """Take over what is newer than what was written, of the hosts of the inventory and of no others. A file that
        is missing was cleared by the job, one that is no JSON is passed over. Returns the hosts that have new ones."""
        replaced = []
        for host in self.facts:
            path = directory / host
            if not path.exists():
                self.facts[host] = {}
            elif written_at is None or path.stat().st_mtime > written_at:
                with suppress(ValueError):
                    self.facts[host] = json.loads(path.read_text())
                    replaced.append(host)
        return replaced


def _never() -> bool:
    """Whether to cancel; without it, ansible-runner would take the signals of the test's process."""
    return False


@contextmanager
def _in_zone(zone: str) -> Iterator[None]:
    """Have this process tell times of a time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def _descendants(pid: int) -> list[int]:
    """The processes below a process."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found, wanted = [], [pid]
    while wanted:
        wanted = [child for child, parent in parents.items() if parent in wanted]
        found += wanted
    return found
