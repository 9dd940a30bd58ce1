# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backend ``local``: processes on the machine where Ansible runs, under one supervisord per pool. No root, no systemd.

``<directory>/<cluster>/<pool>/instances/`` holds three files of each instance: ``.json`` (our record, which also
reserves its port), ``.conf`` (supervisord's program section) and ``.sh`` (environment and command; a shell script,
because shell quoting is complete and supervisord's is not). supervisord restarts nothing: the state machine repairs.

If supervisord is killed its processes live on. They are known by pid and start time, go on counting, and are stopped by
signal when their time has come; what is started next has a new supervisord.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shlex
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _processes
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ports import (
    free_ports,
    none_free,
    parse_range,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._program import Program
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._supervisord import (
    Refused,
    Supervisord,
    private_directory,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import exclusive

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PORTS_TIMEOUT_S = 10.0
_RUNNING = {"STARTING", "RUNNING", "STOPPING"}

_PROGRAM = """\
[program:{name}]
command=/bin/sh {script}
autostart=false
autorestart=false
startsecs=0
startretries=0
stopsignal=TERM
stopwaitsecs={stop_timeout}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=1
"""


@dataclass(frozen=True)
class _Record:
    """What is kept of an instance in its ``.json`` file."""

    name: str
    index: int
    port: int
    created_at: float  # unix seconds
    pid: int | None = None
    start: str | None = None  # of the process with that pid, see _processes.start_of
    stopping: bool = False  # it was asked to stop

    @property
    def lives(self) -> bool:
        return self.pid is not None and _processes.lives(self.pid, self.start)


_FIELDS = frozenset(field.name for field in fields(_Record))


class LocalDriver(Driver):
    """Processes under a supervisord of our own."""

    options: ClassVar[dict[str, Any]] = {
        "command": {"type": "raw"},
        "working_directory": {"type": "path", "default": "~"},
        "environment": {"type": "dict", "default": {}},
        "port_range": {"type": "str", "default": "20000-29999"},
        "address": {"type": "str", "default": "127.0.0.1"},
        "directory": {"type": "path"},
    }
    required: ClassVar[tuple[str, ...]] = ("command",)
    pauses = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        for option, name in (("cluster", context.cluster), ("name", context.name)):
            if not _SAFE_NAME.fullmatch(name):
                expected = "expected letters, digits, dots, dashes and underscores, for it names files"
                raise OptionError(option, f"{expected}, got {quoted(name)}")
        self._program = Program(context.options)
        self._ports = parse_range(context.options["port_range"])
        self._root = Path(context.options["directory"] or _default_directory())
        self._directory = self._root / context.cluster / context.name
        self._supervisord = Supervisord(self._directory)

    def status(self) -> list[Reported]:
        living = {record: record.lives for record in self._records()}
        # What lives is known from /proc, at a fraction of the price; only of the others supervisord knows more.
        processes = {} if all(living.values()) else self._supervisord.processes()
        return [self._reported(record, lives, processes.get(record.name)) for record, lives in living.items()]

    def start(self, orders: Sequence[Order]) -> dict[str, str]:
        for path in (self._root, self._directory.parent, self._directory, self._instances, self._directory / "logs"):
            private_directory(path)
        self._supervisord.ensure_running()
        records = self._reserve(orders)
        no_port = none_free(self.context.options["port_range"])
        refused = {order.name: no_port for order in orders[len(records) :]}
        for record in records:
            self._write_program(record)
        self._supervisord.call("reloadConfig")
        for record in records:
            try:
                self._add(record.name)
                self._supervisord.call("startProcess", record.name, False)
                pid = self._supervisord.call("getProcessInfo", record.name)["pid"]
            except Refused as refusal:
                refused[record.name] = f"supervisord refused to start it: {refusal.reason}"
                self._clear_away(record.name)
                continue
            self._write_record(replace(record, pid=pid, start=_processes.start_of(pid)))
        return refused

    def _add(self, name: str) -> None:
        """Make supervisord know an instance, in place of one of which we have lost the record."""
        try:
            self._supervisord.call("addProcessGroup", name)
        except Refused:
            with contextlib.suppress(Refused):
                self._supervisord.call("stopProcess", name, False)
            self._supervisord.call("removeProcessGroup", name)  # refused until it has ended: there is a next try
            self._supervisord.call("addProcessGroup", name)

    def stop(self, instances: Sequence[Reported], *, kill: bool = False) -> None:
        records = {record.name: record for record in self._records()}
        processes = self._supervisord.processes()
        for instance in instances:
            process = processes.get(instance.name)
            record = records.get(instance.name)
            if record is not None and not record.stopping:
                self._write_record(replace(record, stopping=True))
            if process is not None and process["statename"] in _RUNNING:
                with contextlib.suppress(Refused):  # it has ended meanwhile; cleared away at the next pass
                    if kill:
                        self._supervisord.call("signalProcess", instance.name, "KILL")
                    else:
                        self._supervisord.call("stopProcess", instance.name, False)
            elif record is not None and record.pid is not None and record.lives:
                _processes.send(record.pid, signal.SIGKILL if kill else signal.SIGTERM)
            else:
                self._clear_away(instance.name)
                continue
            if instance.paused:  # it takes no signal but SIGKILL until it works again
                self.resume([instance])
        if not self._records():
            self._supervisord.shut_down()

    def pause(self, instances: Sequence[Reported]) -> None:
        self._signal(instances, signal.SIGSTOP)

    def resume(self, instances: Sequence[Reported]) -> None:
        self._signal(instances, signal.SIGCONT)

    def _signal(self, instances: Sequence[Reported], number: signal.Signals) -> None:
        records = {record.name: record for record in self._records()}
        for instance in instances:
            record = records.get(instance.name)
            if record is not None and record.pid is not None and record.lives:
                _processes.send(record.pid, number)

    @property
    def _instances(self) -> Path:
        return self._directory / "instances"

    def _records(self) -> list[_Record]:
        return list(_read_records(self._instances.glob("*.json")))

    def _reported(self, record: _Record, lives: bool, process: Mapping[str, Any] | None) -> Reported:
        running = lives or (process is not None and process["statename"] in _RUNNING)
        return Reported(
            name=record.name,
            index=record.index,
            pool=self.context.name,
            running=running,
            stopping=running and record.stopping,
            paused=record.pid is not None and lives and _processes.is_stopped(record.pid),
            address=self.context.options["address"],
            port=record.port,
            created_at=record.created_at,
            reason=None if running else self._why_ended(record.name, process),
        )

    def _why_ended(self, name: str, process: Mapping[str, Any] | None) -> str:
        how = "it has ended"
        if process and process["statename"] == "EXITED":
            status = process["exitstatus"]
            how = f"it ended with exit status {status}" if status >= 0 else "it was killed by a signal"
        return f"{how} (log: {self._log(name)})"

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"

    def _reserve(self, orders: Sequence[Order]) -> list[_Record]:
        """Choose ports and write the records, which reserve them before anyone listens there.

        Where there are not enough, the last orders get none.
        """
        records = []
        with self._alone():
            reserved = {record.port for record in _read_records(self._root.glob("*/*/instances/*.json"))}
            ports = free_ports(self._ports, reserved, owner=str(self._directory))
            for order, port in zip(orders, ports, strict=False):
                records.append(_Record(order.name, order.index, port, created_at=time.time()))
                self._write_record(records[-1])
        return records

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one process at a time looks for free ports; the others wait the few milliseconds it takes."""
        lock = self._root / "ports.lock"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(exclusive(lock, _PORTS_TIMEOUT_S))
            except TimeoutError:
                raise AutoscaleError(f"another process has been choosing ports for too long, see {lock}") from None
            yield

    def _write_record(self, record: _Record) -> None:
        path = self._instances / f"{record.name}.json"
        _write(path, json.dumps(asdict(record)))

    def _write_program(self, record: _Record) -> None:
        values = {
            "address": self.context.options["address"],
            "cluster": self.context.cluster,
            "index": record.index,
            "name": record.name,
            "port": record.port,
        }
        variables = self._program.environment(values, record.port)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        lines.append(f"cd -- {shlex.quote(self.context.options['working_directory'])} || exit 127")
        lines.append("exec " + shlex.join(self._program.command(values)))
        script = self._instances / f"{record.name}.sh"
        _write(script, "\n".join(lines) + "\n")
        program = _PROGRAM.format(
            name=record.name,
            script=script,
            log=self._log(record.name),
            stop_timeout=math.ceil(self.context.stop_timeout),
        )
        _write(script.with_suffix(".conf"), program)

    def _clear_away(self, name: str) -> None:
        if self._supervisord.is_running():
            with contextlib.suppress(Refused):  # this supervisord may never have known it
                self._supervisord.call("removeProcessGroup", name)
        for suffix in (".conf", ".sh", ".json"):
            (self._instances / f"{name}{suffix}").unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a file as a whole. It is private from the beginning: the environment may hold secrets."""
    new = path.with_name(path.name + ".new")
    new.touch(mode=0o600)
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _default_directory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "rlops.autoscale" / "local"


def _read_records(paths: Iterable[Path]) -> Iterable[_Record]:
    """Read records; one that another process removes meanwhile, or that is damaged, is passed over."""
    for path in sorted(paths):
        with contextlib.suppress(OSError, ValueError, TypeError):
            content = json.loads(path.read_text(encoding="utf-8"))
            yield _Record(**{name: content[name] for name in _FIELDS & content.keys()})


BACKEND = LocalDriver
