# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which place the settings, and what is known of the run, mean for the state."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, about, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._awx import AwxMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._cache import CacheAdapter, CacheMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._directory import DirectoryMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import LOCK_TIMEOUT_S
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._redis import RedisMedium
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._store import Medium, Store

AUTO, AWX, CACHE, DIRECTORY, REDIS = BACKENDS = ("auto", "awx", "cache", "directory", "redis")

#: Files that say that a run is in a container, by Podman and by Docker.
_CONTAINER = (Path("/run/.containerenv"), Path("/.dockerenv"))


def open_store(
    backend: str = AUTO,
    directory: str | None = None,
    cache: CacheAdapter | None = None,
    *,
    uri: str | None = None,
    host: str | None = None,
    lock_timeout: float = LOCK_TIMEOUT_S,
    environ: Mapping[str, str] | None = None,
) -> Store:
    """The store that the settings ask for. Touches nothing until it is used.

    backend: `redis`; `directory`; `awx`, the facts that AWX keeps of `host`; `cache`, the given cache plugin; `auto`
    (default): the first that there is of the server or directory that is named, AWX's facts, a cache plugin that keeps
    anything after the run, the default directory.
    uri: see RedisMedium; default is the environment's RL_STATE_URI.
    directory: default is the environment's RL_STATE_DIR, else `rlops.autoscale` in XDG_STATE_HOME (`~/.local/state`).
    cache: the cache plugin of this Ansible run. host: the inventory host whose state it is.
    OptionError (`state_store`, `state_store.backend`, `state_store.uri`) if that cannot be had.
    """
    if backend not in BACKENDS:
        raise OptionError("state_store.backend", f"expected one of {', '.join(BACKENDS)}, not {quoted(backend)}")
    if uri and directory:
        raise OptionError("state_store", "expected one of uri and directory, got both")
    surroundings = _Surroundings(os.environ if environ is None else environ, cache)
    if backend == AUTO:
        backend = surroundings.backend(uri, directory)
    medium = _Places(surroundings, uri, directory, host).medium(backend)
    facts = medium.facts if isinstance(medium, AwxMedium) else None
    return Store(medium, lock_timeout, caution=surroundings.caution(backend, directory), facts=facts)


class _Surroundings:
    """What is known of the run."""

    def __init__(self, environ: Mapping[str, str], cache: CacheAdapter | None) -> None:
        self.environ = environ
        self.cache = cache
        #: The folder that ansible-runner, and so AWX, throws away after the run.
        own = environ.get("AWX_ISOLATED_DATA_DIR")
        self._own = Path(own).resolve() if own else None
        self._in_awx = bool(own) and "JOB_ID" in environ
        self.cache_is_thrown_away = bool(
            self._own and cache and cache.directory and self._own in cache.directory.resolve().parents
        )

    @property
    def facts(self) -> Path | None:
        """Where AWX lays the facts of this job; None where it keeps none."""
        return self.cache.directory if self._in_awx and self.cache and self.cache_is_thrown_away else None

    def backend(self, uri: str | None, directory: str | None) -> str:
        """What `auto` means. A setting goes before the environment."""
        if uri or (self.environ.get("RL_STATE_URI") and not directory):
            return REDIS
        if directory or self.environ.get("RL_STATE_DIR"):
            return DIRECTORY
        if self.facts:
            return AWX
        return CACHE if self.cache and self.cache.persistent and not self.cache_is_thrown_away else DIRECTORY

    def caution(self, backend: str, directory: str | None) -> str | None:
        """Why what is learned will not be there at the next run; None where that is not to be feared."""
        if backend == CACHE and self.cache_is_thrown_away:
            return "what is learned is forgotten after this run, whose cache is thrown away: use another state_store"
        named = directory or self.environ.get("RL_STATE_DIR")
        files = backend == CACHE and self.cache is not None and self.cache.directory is not None
        if self._in_awx and (files or (backend == DIRECTORY and not named)):
            return (
                "what is learned is forgotten after this job: switch on 'Enable Fact Storage' in its template, "
                "or name a Redis server by RL_STATE_URI, or a directory that is mounted into the job by RL_STATE_DIR"
            )
        if backend != DIRECTORY or named or not self._own:
            return None
        if any(mark.exists() for mark in _CONTAINER):
            return (
                "what is learned is forgotten with this container: name a Redis server by RL_STATE_URI, or a directory "
                "that is mounted into it by RL_STATE_DIR"
            )
        return None


class _Places:
    """The media, as the settings describe them."""

    def __init__(self, surroundings: _Surroundings, uri: str | None, directory: str | None, host: str | None) -> None:
        environ = surroundings.environ
        self._surroundings = surroundings
        self._uri = uri or environ.get("RL_STATE_URI")
        self._uri_is_of_the_environment = not uri
        self._host = host
        state_home = environ.get("XDG_STATE_HOME") or "~/.local/state"
        named = directory or environ.get("RL_STATE_DIR") or f"{state_home}/rlops.autoscale"
        self._directory = Path(named).expanduser().absolute()

    def medium(self, backend: str) -> Medium:
        """The medium of a backend. Raises OptionError."""
        if backend == REDIS:
            return self._redis()
        if backend == AWX:
            return self._awx()
        return self._cache() if backend == CACHE else DirectoryMedium(self._directory)

    def _redis(self) -> Medium:
        if not self._uri:
            raise OptionError("state_store.uri", "expected for backend redis, such as redis://host:6379/0, got nothing")
        try:
            return RedisMedium(self._uri)
        except OptionError as error:
            raise about("RL_STATE_URI", error) if self._uri_is_of_the_environment else error from error

    def _awx(self) -> Medium:
        facts = self._surroundings.facts
        if facts is None or not self._host:
            raise OptionError(
                "state_store.backend",
                "awx needs a job of AWX whose template has 'Enable Fact Storage', and this is none",
            )
        return AwxMedium(facts, self._host)

    def _cache(self) -> Medium:
        cache = self._surroundings.cache
        if cache is None or not cache.persistent:
            plugin = f"'{cache.name}' does not" if cache else "there is none"
            raise OptionError(
                "state_store.backend",
                f"cache needs a cache plugin that keeps data between runs, and {plugin}: "
                "set fact_caching in ansible.cfg (jsonfile, for example), or use backend directory",
            )
        return CacheMedium(cache, lock_directory=self._directory)
