# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source ``file``: metrics pages that something else writes, as for node_exporter's textfile collector."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._load import Answer
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import PageError, PageReader, Reading

PLACEHOLDERS = ("name", "index", "pool", "address", "port")


def file_reader(instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Callable[[], list[Answer]]:
    """A function that reads the files once.

    A page is as old as its file: that is the time its counters are compared by.
    """
    pattern = options["file"]["path"]
    if not pattern:
        raise OptionError("file.path", "source=file needs the path of the metrics page")
    reader = PageReader(options["metrics"])
    limit = options["http"]["max_bytes"]

    def read(path: Path, created_at: float | None) -> Reading:
        try:
            with path.open("rb") as file:
                page = file.read(limit + 1)
                written = path.stat().st_mtime
        except OSError as error:
            raise PageError(error.strerror or "cannot be read") from error
        if len(page) > limit:
            raise PageError(f"the page is larger than {limit} bytes (http.max_bytes)")
        return reader.read(page, written, created_at)

    def ask() -> list[Answer]:
        answers = []
        for name, state, path, created_at in _files(pattern, instances):
            try:
                answers.append(Answer(name, state, read(path, created_at)))
            except PageError as error:
                answers.append(Answer(name, state, error=f"{path}: {error}"))
        return answers

    return ask


def _files(pattern: str, instances: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, Path, float | None]]:
    """Name, state, path and time of creation of each page: one an instance, else one a file that the pattern finds."""
    if any(f"{{{placeholder}}}" in pattern for placeholder in PLACEHOLDERS):
        for instance in instances:
            path = pattern
            for placeholder in PLACEHOLDERS:
                path = path.replace(f"{{{placeholder}}}", str(instance.get(placeholder, "")))
            yield instance["name"], instance["state"], Path(path), instance.get("created_at")
    else:
        for found in sorted(glob.glob(pattern)) or [pattern]:  # noqa: PTH207 - Path.glob takes no absolute pattern
            yield Path(found).stem, "ready", Path(found), None
