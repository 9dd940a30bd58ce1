# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State in Ansible's cache plugin, under keys of its own that facts and their expiry do not touch.

Nothing of Ansible is imported here; `_ansible_cache.py` supplies the plugin. What cache plugins need to be told apart:

- A file cache of ansible-core deletes a file it cannot parse, then raises; before 2.19 it raises KeyError for a file
  that it may not open; on a full disk it warns and puts the cut file in place. So every answer is checked.
- A plugin instance remembers what it once read. So each operation opens a fresh one (0.1 to 0.2 ms).
- A document is stored as one string: plugins and core versions differ in how they treat richer values.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._directory import make_directory, sync_directory
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._document import Damaged
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import exclusive

PREFIX = "rlops_autoscale_"
_FIELD = "document"
_PROBE = "probe"  # a key that is never written


class CachePlugin(Protocol):
    """The part of an Ansible cache plugin that is used."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: dict[str, str]) -> None: ...

    def contains(self, key: str) -> bool: ...

    def delete(self, key: str) -> None: ...


class CacheAdapter(Protocol):
    """How to reach the cache plugin that the user configured."""

    name: str
    """The plugin's name, such as `jsonfile`."""
    persistent: bool
    """Whether it keeps anything after this run."""
    directory: Path | None
    """Where it keeps its files, if it does."""

    def open(self) -> CachePlugin:
        """A fresh instance, using the prefix PREFIX, without expiry."""

    def path(self, key: str) -> Path | None:
        """The file of a key, if the plugin keeps files."""


class CacheMedium:
    """Keeps each text as one entry of a cache. Locks lie beside a file cache's files, else in `lock_directory`."""

    shared = True

    def __init__(self, cache: CacheAdapter, lock_directory: Path) -> None:
        self._cache = cache
        self._lock_directory = lock_directory
        self.location = f"cache {cache.name}" + (f" in {cache.directory}" if cache.directory else "")

    def read(self, name: str) -> str | None:
        """The text of that name, None if there is none; Damaged or AutoscaleError if the plugin cannot read it."""
        plugin = self._open()
        if not self._has(plugin, name):
            return None
        try:
            return _text_of(plugin.get(name))
        except Damaged:
            raise
        except Exception as error:
            self._require_access(plugin, name)
            raise Damaged("the cache plugin cannot read it") from error

    def write(self, name: str, text: str) -> None:
        """Replace the text of that name, and see that it arrived. File caches rename but do not sync: done here."""
        try:
            self._open().set(name, {_FIELD: text})
            self._require_arrival(name, text)
            path = self._cache.path(name)
            if path:
                path.chmod(0o600)  # core lets others read it
                _sync(path)
        except AutoscaleError:
            raise
        except Exception as error:
            raise self._unusable("written", error) from error

    def set_aside(self, name: str, suffix: str) -> str:
        """Move a damaged entry to another key, or rename its file. Returns what became of it."""
        path = self._cache.path(name)
        try:
            if path:
                aside = path.with_name(f"{path.name}.{suffix}")
                path.replace(aside)
                return f"set aside as {aside}"
            plugin = self._open()
            plugin.set(f"{name}.{suffix}", plugin.get(name))
            plugin.delete(name)
        except FileNotFoundError:
            return "deleted by the cache plugin"
        except Exception as error:
            return f"left where it is ({quoted(error)})"
        return f"set aside as {PREFIX}{name}.{suffix}"

    def exclusive(self, key: str, timeout_s: float) -> contextlib.AbstractContextManager[None]:
        """The lock of a key. Its leading dot hides it from the cache's own listing."""
        if self._cache.directory:
            return exclusive(self._cache.directory / f".{PREFIX}{key}.lock", timeout_s)
        make_directory(self._lock_directory)
        return exclusive(self._lock_directory / f"{key}.lock", timeout_s)

    def _open(self) -> CachePlugin:
        try:
            return self._cache.open()
        except Exception as error:
            raise self._unusable("opened", error) from error

    def _has(self, plugin: CachePlugin, name: str) -> bool:
        try:
            return plugin.contains(name)
        except Exception as error:
            raise self._unusable("read", error) from error

    def _require_access(self, plugin: CachePlugin, name: str) -> None:
        """AutoscaleError if the plugin failed because its storage is out of reach: that says nothing about a document,
        and taking it for damaged would start the agent anew."""
        path = self._cache.path(name)
        if path is None:
            self._has(plugin, _PROBE)
            return
        try:
            path.open("rb").close()
        except FileNotFoundError:
            pass  # found damaged and deleted by the plugin
        except OSError as error:
            raise self._unusable("read", error) from error

    def _require_arrival(self, name: str, text: str) -> None:
        if self.read(name) != text:
            raise Damaged("something else came back")

    def _unusable(self, verb: str, error: Exception) -> AutoscaleError:
        return AutoscaleError(f"state cannot be {verb} in {self.location}: {quoted(error)}")


def _text_of(entry: object) -> str:
    text = entry.get(_FIELD) if isinstance(entry, dict) else None
    if not isinstance(text, str):
        raise Damaged("it is not an entry of the state store")
    return text


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(path.parent)
