# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State as files of one directory: the form that needs nothing but a file system."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import exclusive


class DirectoryMedium:
    """Keeps each text in `<directory>/<name>.json`. Directory mode 0700 when made here, files 0600."""

    shared = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.location = f"directory {directory}"

    def read(self, name: str) -> str | None:
        """The text of that name, None if there is none. A byte that is not ASCII reads as one that fits no JSON."""
        try:
            return self._path(name).read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable("read", error) from error

    def write(self, name: str, text: str) -> None:
        """Replace the text of that name, whole or not at all: it is on the disk before it gets the name."""
        try:
            replace_file(self._path(name), text)
        except OSError as error:
            raise self._unusable("written", error) from error

    def set_aside(self, name: str, suffix: str) -> str:
        """Rename a damaged text, so that a person can look at it. Returns what became of it."""
        path = self._path(name)
        aside = path.with_name(f"{path.name}.{suffix}")
        try:
            path.replace(aside)
        except OSError as error:
            raise self._unusable("written", error) from error
        return f"set aside as {aside}"

    def exclusive(self, key: str, timeout_s: float) -> contextlib.AbstractContextManager[None]:
        """The lock of a key; makes the directory if it is missing."""
        make_directory(self._directory)
        return exclusive(self._directory / f"{key}.lock", timeout_s)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def _unusable(self, verb: str, error: OSError) -> AutoscaleError:
        return AutoscaleError(f"state cannot be {verb} in {self.location}: {error.strerror}")


def replace_file(path: Path, text: str) -> None:
    """Give a file (mode 0600) another text, on the disk before it gets the name. Raises OSError.

    The temporary file has a fixed name (writers exclude each other), so a killed writer leaves no litter behind.
    """
    temporary = path.with_name(path.name + ".tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123 - needs flags
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def make_directory(directory: Path) -> None:
    """Make the state directory if it is missing, for its owner only. AutoscaleError if that cannot be."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AutoscaleError(f"the state directory {directory} cannot be made: {error.strerror}") from error


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk: a rename alone may be forgotten at a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
