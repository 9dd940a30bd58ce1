# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An upstream of nginx in a file of its own: written, tested, and loaded by the nginx that runs.

What nginx had loaded before lies in a second file until the new one is known to be loaded. So a run that is cut off,
and a reload that comes to nothing, are known as such: each server may then still be what either file says.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._servers import ABSENT, DRAIN, READY, Assignment, row

PID_FILE = "/run/nginx.pid"
#: Nobody is there. An upstream without a server would be an error.
_NOBODY = "127.0.0.1:1"
_HEADER = "# Written by the module rlops.autoscale.nginx_upstream, which reads it again. Edit nothing here."
_SERVER = re.compile(r"    server (\S+)[^;]*; # (ready|drain)")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
#: What would end a directive, or begin another.
_SPECIAL = re.compile(r"[;{}#\x00-\x1f]")

_BEFORE_THE_CAUSE = re.compile(r"^.*?\[emerg\] ([0-9#]+: )?")

COMMAND_TIMEOUT_S = 60.0
RELOAD_TIMEOUT_S = 10.0
_LOOK_S = 0.02


@dataclass(frozen=True)
class Upstream:
    """What stands in the file beside the servers."""

    name: str
    directives: Sequence[str] = ()  # such as "least_conn"
    server_options: str = ""  # such as "max_fails=3 fail_timeout=5s"

    def __post_init__(self) -> None:
        """Raises OptionError."""
        if not _NAME.fullmatch(self.name):
            raise OptionError("upstream", f"expected a name of letters, digits and _.-, got {quoted(self.name)}")
        for directive in self.directives:
            if _SPECIAL.search(directive):
                raise OptionError("directives", f"expected words such as least_conn, got {quoted(directive)}")
        if _SPECIAL.search(self.server_options) or "down" in self.server_options.split():
            expected = "expected parameters of a server other than down, such as max_fails=3"
            raise OptionError("server_options", f"{expected}, got {quoted(self.server_options)}")

    def render(self, servers: Mapping[str, str]) -> str:
        """The file's text. `servers` are place -> READY or DRAIN."""
        lines = [f"{directive};" for directive in self.directives]
        for place, state in servers.items():
            words = ["server", place, *self.server_options.split(), *["down"] * (state == DRAIN)]
            lines.append(f"{' '.join(words)}; # {state}")
        if not servers:
            lines.append(f"server {_NOBODY} down; # nobody")
        return "\n".join([_HEADER, f"upstream {self.name} {{", *(f"    {line}" for line in lines), "}", ""])


def parse(text: str) -> dict[str, str]:
    """The servers of a text that `render` has made: place -> READY or DRAIN."""
    return {match[1]: match[2] for match in map(_SERVER.fullmatch, text.splitlines()) if match}


def place_of(address: str, port: int) -> str:
    """How a server is written. Raises OptionError."""
    with contextlib.suppress(ValueError):
        address = str(ip_address(address.removeprefix("[").removesuffix("]")))
    host = f"[{address}]" if ":" in address else address
    if not re.fullmatch(r"\[[0-9a-f:.]+\]|[A-Za-z0-9_.-]+", host) or not 0 < port < 65536:
        raise OptionError(
            "address", f"expected an address and a port from 1 to 65535, got {quoted(address)} and {port}"
        )
    return f"{host}:{port}"


@dataclass(frozen=True)
class Nginx:
    """The nginx of this machine."""

    program: str = "nginx"
    config: str | None = None  # None: the one that it was built for
    pid_file: str = PID_FILE
    reload_command: Sequence[str] = ()  # empty: SIGHUP to the master

    def master(self) -> int | None:
        """The pid of its master process; None if it does not run."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(Path(self.pid_file).read_text(encoding="ascii"))
            # Where the system does not tell, whoever has that number is taken for it.
            if not Path("/proc/self").exists() or _title(pid).startswith("nginx: master"):
                return pid
        return None

    def test(self, file: Path) -> None:
        """Raise AutoscaleError, in its own words, if its whole configuration is not valid or does not name the file."""
        dump = _run([self.program, "-T", *(["-c", self.config] if self.config else [])])
        included = re.findall(r"^# configuration file (.*):$", dump, re.MULTILINE)
        if not any(Path(name).resolve() == file.resolve() for name in included):
            raise AutoscaleError(f"the configuration of nginx does not include {file}; add `include {file};` to http")

    def reload(self, master: int) -> None:
        """Load the configuration, and wait until other workers serve it. Raises AutoscaleError if they do not."""
        earlier = _workers(master).keys()
        if self.reload_command:
            _run(self.reload_command)
        else:
            try:
                os.kill(master, signal.SIGHUP)
            except OSError as error:
                raise AutoscaleError(f"nginx cannot be told to reload: {error.strerror}") from error
        deadline = time.monotonic() + RELOAD_TIMEOUT_S
        while earlier and (not (now := _workers(master).keys()) or now & earlier):
            if time.monotonic() > deadline:
                raise AutoscaleError(f"nginx has not reloaded within {RELOAD_TIMEOUT_S:g} s; its error log says why")
            time.sleep(_LOOK_S)


def _run(command: Sequence[str]) -> str:
    """What a command prints. Raises AutoscaleError with the last that it complains of."""
    name = quoted(command[0])
    try:
        done = subprocess.run(  # noqa: S603  (as the options say)
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AutoscaleError(f"{name} takes longer than {COMMAND_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise AutoscaleError(f"{name} cannot be run: {error.strerror}") from error
    if done.returncode:
        complaints = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        # The last line of `nginx -t` says only that the test failed; that of the cause may begin with a date.
        said = next((line for line in complaints if "[emerg]" in line), complaints[-1])
        raise AutoscaleError(f"{name} says: {quoted(_BEFORE_THE_CAUSE.sub('', said))}")
    return done.stdout.decode(errors="replace")


def _title(pid: int) -> str:
    """What a process calls itself. Raises OSError."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")


def _workers(master: int) -> dict[int, float]:
    """Those of its workers that take new connections, and when they began in unix seconds.

    Empty where the system does not tell.
    """
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            pid, fields = int(status.parent.name), status.read_text(errors="replace").rpartition(")")[2].split()
            title = _title(pid) if int(fields[1]) == master else ""
            if title.startswith("nginx: worker process") and "shutting down" not in title:
                since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
                found[pid] = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot
    return found


@dataclass(frozen=True)
class Seen:
    """The file and its nginx at one moment."""

    text: str | None  # None: there is no file
    loaded: str | None  # what nginx has perhaps loaded instead; None: it has loaded the text
    master: int | None

    @property
    def in_force(self) -> bool:
        return self.master is not None and self.loaded is None

    def row(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """How a service is. Where either text lets it have new connections, it may get them."""
        place = place_of(entry["address"], entry["port"])
        states = [parse(text or "").get(place) for text in (self.text, self.loaded)]
        state = READY if READY in states else DRAIN if DRAIN in states else ABSENT
        if state == ABSENT:
            return row(entry, ABSENT)
        detail = "" if self.in_force else "nginx has perhaps not loaded it yet"
        return row(entry, state, place, up=state == READY and self.in_force, detail=detail)


class UpstreamFile:
    """The file, and what nginx has loaded of it."""

    def __init__(self, nginx: Nginx, upstream: Upstream, file: str) -> None:
        self._nginx = nginx
        self._upstream = upstream
        self._file = Path(file)
        # What nginx had loaded; there until it has loaded the file itself. No `include *` takes in a hidden file.
        self._loaded = self._file.with_name(f".{self._file.name}.loaded")

    def assign(self, entries: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> Assignment:
        """Bring services to what they are to be; the entries are those of SERVERS_SPEC.

        Without entries the file is made, if it is not there. Raises OptionError, and AutoscaleError for what could not
        be done; a text that nginx refuses is taken back.
        """
        wanted = {place_of(entry["address"], entry["port"]): entry.get("state") for entry in entries}
        before = after = self._look()
        if before.master is None and before.text is not None:
            raise AutoscaleError(f"nginx does not run: {quoted(self._nginx.pid_file)} names no master process of it")
        if not wanted or any(wanted.values()):
            text = self._upstream.render(_merged(parse(before.text or ""), wanted))
            after = Seen(text, None, before.master)
        if after != before and not dry_run:
            self._put_in_force(before, after)
        now = before if dry_run else after
        diff = {"before": before.text or "", "after": after.text or ""}
        return Assignment([now.row(entry) for entry in entries], after != before, diff, now.in_force)

    def _look(self) -> Seen:
        text, loaded, master = _read(self._file), _read(self._loaded), self._nginx.master()
        if text and not text.startswith(_HEADER):
            raise AutoscaleError(f"{self._file} was not written by this module; take it away, or name another file")
        # A reload may only have been slow, or somebody may have made up for it.
        if loaded is not None and master is not None and text is not None:
            workers = _workers(master).values()
            if workers and min(workers) > self._file.stat().st_mtime:
                loaded = None
        return Seen(text, loaded, master)

    def _put_in_force(self, before: Seen, after: Seen) -> None:
        if before.loaded is None:
            _write(self._loaded, before.text or "")
        _write(self._file, after.text or "")
        try:
            self._nginx.test(self._file)
        except BaseException:
            # As it was. A file that was not there must not be there, either.
            _write(self._file, before.text)
            _write(self._loaded, before.loaded)
            raise
        if after.master is not None:
            self._nginx.reload(after.master)
        _write(self._loaded, None)


def _merged(servers: Mapping[str, str], wanted: Mapping[str, str | None]) -> dict[str, str]:
    """The servers, with those that are wanted as they are wanted. What is not there needs no drain."""
    merged = dict(servers)
    for place, state in wanted.items():
        if state == ABSENT:
            merged.pop(place, None)
        elif state == READY or (state == DRAIN and place in merged):
            merged[place] = state
    return merged


def _read(path: Path) -> str | None:
    """Raises AutoscaleError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise AutoscaleError(f"{quoted(path)} cannot be read: {quoted(error)}") from error


def _write(path: Path, text: str | None) -> None:
    """Write all of it or nothing; None takes the file away. Raises AutoscaleError."""
    try:
        if text is None:
            path.unlink(missing_ok=True)
            return
        new = path.with_name(f".{path.name}.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise AutoscaleError(f"{quoted(path)} cannot be written: {quoted(error.strerror)}") from error
