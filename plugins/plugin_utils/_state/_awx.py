# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State among the facts that AWX keeps of an inventory host, within the file that AWX lays beside each job.

AWX writes the facts of each host into `<fact cache>/<host>` before a job, as plain JSON, and reads the file back after
it. From ansible-core 2.19 on, core's own cache plugin uses other names and another content there, so that nothing it
writes is read back. Before, it writes that very file from its memory, so that what is written here has to be returned
as facts, too: see `facts`.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._directory import replace_file
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._document import Damaged
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import LOCK_TIMEOUT_S, exclusive

#: The fact that holds the state: name of a slot -> its text.
FACT = "rlops_autoscale"
#: AWX reads a file back only if it is newer than the last one that it wrote. On its way it loses its time zone, and
#: odd seconds; no two time zones are more than 26 hours apart.
NEWER_BY_S = 27 * 3600.0


class AwxMedium:
    """Keeps the texts of one inventory host in `<directory>/<host>`, under one fact, and leaves its other facts alone.

    Jobs have a copy each: what two at a time learn of a host, only the later one to end keeps. So clusters can share
    nothing here (`shared`). Raises OptionError for a host whose name is no file name: AWX keeps no facts of it.
    """

    shared = False

    def __init__(self, directory: Path, host: str, clock: Callable[[], float] = time.time) -> None:
        if host in ("", "..") or Path(host).name != host:
            raise OptionError("state_store", f"AWX keeps no facts of a host called {quoted(host)}; name another place")
        self._path = directory / host
        self._clock = clock
        self.location = f"AWX's facts of host {host}"

    def read(self, name: str) -> str | None:
        """The text of that name, None if there is none."""
        text = self._texts().get(name)
        if text is not None and not isinstance(text, str):
            raise Damaged("it is not a text")
        return text

    def write(self, name: str, text: str) -> None:
        """Replace the text of that name; the file is replaced whole or not at all."""
        self._change({name: text})

    def set_aside(self, name: str, suffix: str) -> str:
        """Move a damaged text to another name. Returns what became of it."""
        texts = self._texts()
        self._change({name: None, f"{name}.{suffix}": texts.get(name)})
        return f"set aside as {FACT}['{name}.{suffix}']"

    def exclusive(self, key: str, timeout_s: float) -> contextlib.AbstractContextManager[None]:
        """The lock of a key, beside the file."""
        return self._lock(f"{FACT}.{key}", timeout_s)

    def facts(self) -> dict[str, Any]:
        """What a task has to return as facts before ansible-core 2.19."""
        return {FACT: self._texts()}

    def _change(self, changes: dict[str, str | None]) -> None:
        newer = self._clock() + NEWER_BY_S
        try:
            with self._lock(FACT, LOCK_TIMEOUT_S):  # other keys are in the same file
                facts, texts = self._facts(), {**self._texts(), **changes}
                facts[FACT] = {name: text for name, text in texts.items() if text is not None}
                replace_file(self._path, json.dumps(facts))
                os.utime(self._path, (newer, newer))
        except OSError as error:  # TimeoutError, too
            raise AutoscaleError(f"state cannot be written in {self.location}: {error.strerror}") from error

    def _lock(self, name: str, timeout_s: float) -> contextlib.AbstractContextManager[None]:
        return exclusive(self._path.with_name(f".{self._path.name}.{name}.lock"), timeout_s)

    def _texts(self) -> dict[str, Any]:
        texts = self._facts().get(FACT, {})
        return texts if isinstance(texts, dict) else {}

    def _facts(self) -> dict[str, Any]:
        """All facts of the host. A file that is no JSON is of no use to AWX either, which then keeps what it had."""
        try:
            facts = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise AutoscaleError(f"{self.location} are no JSON, so nothing can be remembered there") from error
        except OSError as error:
            raise AutoscaleError(f"state cannot be read in {self.location}: {error.strerror}") from error
        return facts if isinstance(facts, dict) else {}
