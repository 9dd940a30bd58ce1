# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real ansible-rulebook, and a record of the playbooks that it runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml
from ansible_collections.rlops.autoscale.tests.tools.ports import free_port
from ansible_collections.rlops.autoscale.tests.tools.skipping import skip_or_fail
from ansible_collections.rlops.autoscale.tests.tools.waiting import answers, runs, wait_for

TOKEN = "token-of-the-tests-0123456789"
#: A Java machine and its rules are loaded first, which takes half a minute where others work, too.
START_S = 300

# It comes before ansible-playbook on the path. Before it becomes that, it may wait until others like it have started.
RECORDER = """\
#!{python}
import json, os, pathlib, subprocess, sys, time
folder = pathlib.Path({records!r})
run = folder / str(os.getpid())
run.mkdir()
for argument in sys.argv:
    if argument.startswith("@"):
        (run / "extra_vars").write_text(pathlib.Path(argument[1:]).read_text())
(run / "started").write_text(json.dumps({{"at": time.time(), "arguments": sys.argv[1:]}}))
meeting = folder / "meeting"
end = time.monotonic() + 60
while meeting.exists() and time.monotonic() < end:
    if len(list(folder.glob("*/started"))) >= int(meeting.read_text()):
        (run / "met").touch()
        break
    time.sleep(0.05)
rc = subprocess.run([{python!r}, "-m", "ansible", "playbook", *sys.argv[1:]]).returncode
(run / "rc.new").write_text(str(rc))
(run / "rc.new").rename(run / "rc")
sys.exit(rc)
"""


@dataclass(frozen=True)
class Run:
    """A playbook that was run: when, how, as whose limit, with which extra vars (text), and how it ended if it has."""

    at: float
    arguments: list[str]
    extra_vars: str
    met: bool
    rc: int | None

    @property
    def limit(self) -> str | None:
        if "--limit" not in self.arguments:
            return None
        return self.arguments[self.arguments.index("--limit") + 1]


@dataclass
class Rulebook:
    port: int
    log: Path
    records: Path
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    def runs(self) -> list[Run]:
        """All that were begun, in order."""
        found = []
        for started in self.records.glob("*/started"):
            with suppress(ValueError):  # just being written
                begun, folder = json.loads(started.read_text()), started.parent
                variables, rc = folder / "extra_vars", folder / "rc"
                text = variables.read_text() if variables.exists() else ""
                ended = int(rc.read_text()) if rc.exists() else None
                found.append(Run(begun["at"], begun["arguments"], text, (folder / "met").exists(), ended))
        return sorted(found, key=lambda run: run.at)

    def finished(self, count: int, seconds: float = 90) -> list[Run]:
        """The runs, once so many have ended."""

        def ended() -> list[Run]:
            found = [run for run in self.runs() if run.rc is not None]
            return found if len(found) >= count else []

        return wait_for(ended, seconds)

    def let_meet(self, count: int) -> None:
        """Have each run wait until so many have started: those that follow each other never do."""
        (self.records / "meeting").write_text(str(count))

    def post(self, payload: object, token: str | None = TOKEN) -> int:
        """Send to its intake; the status of the answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urlopen(Request(self.url, json.dumps(payload).encode(), headers), timeout=20) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, seconds: float = 30) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def rulebook(
    name: str, folder: Path, environment: Mapping[str, str], *, arguments: list[str], **variables: Any
) -> Iterator[Rulebook]:
    """Run a rulebook that listens at the variable `autoscale_eda_port`, until the block ends."""
    program = Path(sys.executable).with_name("ansible-rulebook")
    if not program.exists():
        skip_or_fail("ansible-rulebook is not installed")
    made = Rulebook(free_port(), folder / "rulebook.log", folder / "records")
    recorders = folder / "recorders"
    for path in (made.records, recorders):
        path.mkdir()
    recorder = recorders / "ansible-playbook"
    recorder.write_text(RECORDER.format(python=sys.executable, records=str(made.records)))
    recorder.chmod(0o755)
    settings = folder / "rulebook_variables.yml"
    settings.write_text(yaml.safe_dump({"autoscale_eda_port": made.port, **variables}))
    command = [str(program), "-r", name, "-e", str(settings), *arguments]
    path = os.pathsep.join([str(recorders), environment["PATH"]])
    with made.log.open("wb") as log:
        made.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{made.port}/healthz", made.process), START_S)
        yield made
    finally:
        # Its Java machine is a part of it. A playbook that still runs has a session of its own.
        for pid in (made.process.pid, *_running(made.records)):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        made.process.wait()
        # What it was killed before it could remove: the folders of its runs, in the temporary directory.
        for run in made.runs():
            for argument in run.arguments:
                if argument.startswith("@") and (folder := Path(argument[1:]).parents[1]).name.startswith("eda"):
                    shutil.rmtree(folder, ignore_errors=True)


def _running(records: Path) -> list[int]:
    """Processes of runs that have not ended."""
    pids = [int(path.parent.name) for path in records.glob("*/started") if not (path.parent / "rc").exists()]
    return [pid for pid in pids if runs(pid)]
