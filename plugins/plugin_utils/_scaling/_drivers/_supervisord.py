# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One supervisord of our own: started when needed, spoken to over its unix socket, ended when nothing is left."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._processes import start_of

#: Longest path of a unix socket: 104 bytes on macOS, 108 on Linux, a final NUL included.
_MAX_SOCKET_PATH = 103
#: supervisord first binds to "<path>.<pid>".
_PID_SUFFIX = len(".4194304")
_RPC_TIMEOUT_S = 10.0
_START_TIMEOUT_S = 20.0
#: What has a meaning in supervisord's configuration files, or in the glob patterns there.
_AWKWARD = re.compile(r"[^A-Za-z0-9/._+@=:,~-]")
#: The environment of instances must not depend on who ran Ansible first, nor hold that person's secrets.
_PASSED_ON = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")

_CONFIGURATION = """\
[supervisord]
logfile={directory}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
loglevel=warn
pidfile={directory}/supervisord.pid
childlogdir={directory}/logs

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=instances/*.conf
"""


class Refused(AutoscaleError):  # noqa: N818 - an answer
    """supervisord answered that it cannot do that; `reason` says why."""

    def __init__(self, directory: Path, method: str, reason: str) -> None:
        super().__init__(f"supervisord in {directory} refused {method}: {reason}")
        self.reason = reason


class Supervisord:
    """The supervisord whose files are in ``directory``: ``instances/`` (configuration) and ``logs/``."""

    def __init__(self, directory: Path) -> None:
        if _AWKWARD.search(str(directory)):
            message = "expected a path without spaces and special characters (supervisord cannot quote them), got "
            raise OptionError("directory", message + quoted(directory))
        self.directory = directory
        self._socket = self._socket_path()

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of supervisord's API. Raises Refused, and AutoscaleError if it does not answer."""
        # Imported here: most ticks only look at what runs, and do not need it.
        from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers import _rpc  # noqa: PLC0415

        try:
            return _rpc.call(str(self._socket), _RPC_TIMEOUT_S, f"supervisor.{method}", *arguments)
        except _rpc.Fault as fault:
            raise Refused(self.directory, method, quoted(fault.faultString)) from fault
        except _rpc.NO_ANSWER as error:
            raise AutoscaleError(f"supervisord in {self.directory} does not answer: {quoted(error)}") from error

    def processes(self) -> dict[str, dict[str, Any]]:
        """What supervisord knows of each process: name -> info. Empty when it does not run."""
        if not self.is_running():
            return {}
        with contextlib.suppress(Refused):  # it is shutting down, so nothing is left
            return {info["name"]: info for info in self.call("getAllProcessInfo")}
        return {}

    def is_running(self) -> bool:
        """Whether somebody listens on the socket, or (then it will answer, or there is an error) its process lives."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_RPC_TIMEOUT_S)
            try:
                probe.connect(str(self._socket))
            except OSError:
                return self._process_lives()
            return True

    def ensure_running(self) -> None:
        """Start supervisord, as a daemon, unless it runs."""
        private_directory(self._socket.parent)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self.is_running():
            if self._accepts_work():
                return
            if time.monotonic() > deadline:
                raise AutoscaleError(f"supervisord in {self.directory} has been shutting down for too long")
            time.sleep(0.02)
        self._start()
        while not (self.is_running() and self._accepts_work()):
            if time.monotonic() > deadline:
                raise AutoscaleError(f"supervisord did not come up, see {self.directory}/supervisord.log")
            time.sleep(0.02)

    def shut_down(self) -> None:
        """Ask it to end; it takes what still runs with it."""
        if self.is_running():
            with contextlib.suppress(Refused):
                self.call("shutdown")

    def _accepts_work(self) -> bool:
        try:
            return bool(self.call("getState")["statename"] == "RUNNING")
        except Refused:
            return False

    def _start(self) -> None:
        if importlib.util.find_spec("supervisor") is None:
            raise AutoscaleError(
                "pools of backend local need the Python package supervisor where Ansible runs: "
                f"{sys.executable} -m pip install supervisor"
            )
        configuration = self.directory / "supervisord.conf"
        configuration.write_text(_CONFIGURATION.format(directory=self.directory, socket=self._socket), encoding="utf-8")
        output = self.directory / "supervisord.out"
        # A file, not a pipe: the daemon outlives Ansible, and a pipe's reader waits for its last writer.
        with output.open("wb") as stream:
            finished = subprocess.run(  # noqa: S603
                [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.directory,
                env=_environment(),
                timeout=_START_TIMEOUT_S,
                check=False,
            )
        if finished.returncode != 0:
            said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise AutoscaleError(f"supervisord did not start in {self.directory}: {quoted(' '.join(said))}")

    def _process_lives(self) -> bool:
        try:
            pid = int((self.directory / "supervisord.pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except (OSError, ValueError):
            return False
        return bool(start_of(pid)) and str(self.directory / "supervisord.conf") in command

    def _socket_path(self) -> Path:
        path = self.directory / "supervisord.sock"
        if len(os.fsencode(path)) + _PID_SUFFIX <= _MAX_SOCKET_PATH:
            return path
        # Too long for a socket's path: a private directory under the temporary one, found again by its hash.
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        short = Path(tempfile.gettempdir()) / f"autoscale-{os.getuid()}-{digest}"
        if short.exists():
            _check_private(short)
        return short / "supervisord.sock"


def private_directory(path: Path) -> Path:
    """Make a directory that only we can enter. Raises AutoscaleError if that cannot be, or it belongs to others."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AutoscaleError(f"cannot use the directory {quoted(path)}: {error.strerror}") from error
    _check_private(path)
    return path


def _check_private(path: Path) -> None:
    status = path.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise AutoscaleError(f"the directory {quoted(path)} is writable for others; it must be ours alone (mode 0700)")


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key in _PASSED_ON or key.startswith("LC_")}
