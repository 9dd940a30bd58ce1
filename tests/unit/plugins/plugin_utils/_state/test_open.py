# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where state is kept, by the settings, the environment and the cache plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, SettingError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state import _open
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._open import open_store


class Cache:
    """A cache adapter that is never used."""

    def __init__(self, name: str, persistent: bool, directory: str | None = None) -> None:
        self.name = name
        self.persistent = persistent
        self.directory = Path(directory) if directory else None

    def open(self) -> Any:
        raise AssertionError

    def path(self, key: str) -> None:
        raise AssertionError


JSONFILE, MEMORY = Cache("jsonfile", persistent=True), Cache("memory", persistent=False)
# ansible-runner gives each run a folder of its own, and the cache a place in it.
RUNNER = {"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/7", "XDG_STATE_HOME": "/x"}
AWX = {**RUNNER, "JOB_ID": "7"}
OF_RUN = Cache("jsonfile", persistent=True, directory="/runner/artifacts/7/fact_cache")
KEPT = Cache("jsonfile", persistent=True, directory="/runner/artifacts/7/../../facts")
REDIS = {"RL_STATE_URI": "redis://:secret@there:6380/2"}


@pytest.fixture(autouse=True)
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says that a run is in a container; it is not there at first."""
    path = tmp_path / "containerenv"
    monkeypatch.setattr(_open, "_CONTAINER", (path,))
    return path


@pytest.mark.parametrize(
    ("backend", "directory", "cache", "environ", "location"),
    [
        ("auto", None, JSONFILE, {}, "cache jsonfile"),
        ("auto", None, MEMORY, {"XDG_STATE_HOME": "/x"}, "directory /x/rlops.autoscale"),
        ("auto", None, None, {"XDG_STATE_HOME": "/x"}, "directory /x/rlops.autoscale"),
        ("auto", "/named", JSONFILE, {}, "directory /named"),
        ("auto", None, JSONFILE, {"RL_STATE_DIR": "/env"}, "directory /env"),
        ("auto", "/named", None, {"RL_STATE_DIR": "/env"}, "directory /named"),
        ("cache", "/named", JSONFILE, {}, "cache jsonfile"),
        ("directory", None, JSONFILE, {"XDG_STATE_HOME": "/x"}, "directory /x/rlops.autoscale"),
        ("directory", None, None, {}, f"directory {Path.home()}/.local/state/rlops.autoscale"),
        ("directory", "~/here", None, {}, f"directory {Path.home()}/here"),
        ("auto", None, JSONFILE, REDIS, "redis redis://there:6380/2"),
        ("auto", None, JSONFILE, {**REDIS, "RL_STATE_DIR": "/env"}, "redis redis://there:6380/2"),
        ("auto", "/named", JSONFILE, REDIS, "directory /named"),
        ("cache", None, JSONFILE, REDIS, "cache jsonfile"),
        ("auto", None, OF_RUN, RUNNER, "directory /x/rlops.autoscale"),
        ("auto", None, KEPT, RUNNER, "cache jsonfile in /runner/artifacts/7/../../facts"),
        ("auto", None, OF_RUN, AWX, "AWX's facts of host web"),
        ("awx", None, OF_RUN, AWX, "AWX's facts of host web"),
        ("auto", None, MEMORY, AWX, "directory /x/rlops.autoscale"),
        ("auto", None, JSONFILE, AWX, "cache jsonfile"),  # such as Redis
        ("auto", None, OF_RUN, {**AWX, **REDIS}, "redis redis://there:6380/2"),
    ],
)
def test_where_state_is_kept(
    backend: str, directory: str | None, cache: Cache | None, environ: dict[str, str], location: str
) -> None:
    assert open_store(backend, directory, cache, environ=environ, host="web").location == location


def test_a_setting_goes_before_the_environment() -> None:
    environ = {"RL_STATE_DIR": "/env", "RL_STATE_URI": "redis://env"}
    assert open_store(uri="redis://u:p@here/1", environ=environ).location == "redis redis://here/1"


@pytest.mark.parametrize(
    ("backend", "directory", "cache", "environ", "caution"),
    [
        ("auto", None, OF_RUN, AWX, None),
        ("auto", None, OF_RUN, RUNNER, None),
        ("auto", None, MEMORY, AWX, "what is learned is forgotten after this job: switch on 'Enable Fact Storage' in"),
        ("auto", None, KEPT, AWX, "what is learned is forgotten after this job: "),  # of an ansible.cfg in the image
        ("auto", None, JSONFILE, AWX, None),  # a cache on a server
        ("auto", "/mounted", MEMORY, AWX, None),
        ("auto", None, MEMORY, {**AWX, "RL_STATE_DIR": "/mounted"}, None),
        ("cache", None, OF_RUN, RUNNER, "what is learned is forgotten after this run, whose cache is thrown away: "),
        ("auto", None, MEMORY, {}, None),
    ],
)
def test_a_place_that_is_thrown_away_is_warned_of(
    backend: str, directory: str | None, cache: Cache, environ: dict[str, str], caution: str | None
) -> None:
    told = open_store(backend, directory, cache, environ=environ, host="web").caution
    assert (told and told[: len(caution or "")]) == caution


def test_the_home_of_a_container_is_warned_of(mark: Path) -> None:
    mark.touch()
    told = open_store(cache=OF_RUN, environ=RUNNER).caution
    assert told is not None
    assert told.startswith("what is learned is forgotten with this container: ")


def test_a_variable_of_the_environment_is_named() -> None:
    with pytest.raises(SettingError, match=r"^RL_STATE_URI: state_store.uri: expected one of redis://"):
        open_store(environ={"RL_STATE_URI": "http://a"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "etcd"}, "state_store.backend: expected one of auto, awx, cache, directory, redis, not etcd"),
        ({"backend": "cache", "cache": MEMORY}, "state_store.backend: cache needs .*, and 'memory' does not: set "),
        ({"backend": "cache"}, "state_store.backend: cache needs .*, and there is none: "),
        ({"backend": "redis"}, "state_store.uri: expected for backend redis, such as .*, got nothing"),
        ({"backend": "awx", "cache": JSONFILE}, "state_store.backend: awx needs a job of AWX"),
        ({"uri": "redis://a", "directory": "/b"}, "state_store: expected one of uri and directory, got both"),
        ({"uri": "http://a"}, "state_store.uri: expected one of redis://, rediss://, unix://, redis.sentinel://, "),
        ({"uri": "redis://:secret@"}, "state_store.uri: expected one of redis://"),
        ({"uri": "redis://[::1"}, "state_store.uri: expected one of redis://"),
        ({"uri": "redis+sentinel://a,b"}, "state_store.uri: expected the name of the service after the sentinels"),
        ({"uri": "redis://a:port"}, "state_store.uri: expected one of redis://"),
        (
            {"uri": "redis://:77/secret@a"},
            "state_store.uri: expected one of .*; in a password, @ / . # % are written %40 %2F",
        ),
        ({"uri": "redis://:a?secret@a"}, "state_store.uri: expected one of redis://"),
        ({"uri": "redis://u:7#secret@a"}, "state_store.uri: expected no @ but"),
        ({"uri": "redis://:secret/more@a"}, "state_store.uri: expected one of redis://"),
        ({"uri": "unix://:7/secret@/run/redis.sock"}, "state_store.uri: expected no @ but"),
        ({"uri": "redis+sentinel://u:secret/more@a/main"}, "state_store.uri: expected no @ but"),
        ({"uri": "redis+sentinel://a:secret/main"}, "state_store.uri: redis-py does not understand it"),
        ({"uri": "redis://a?bogus=secret"}, "state_store.uri: .*; its options after the . are bogus"),
        ({"uri": "redis+sentinel://a/main?bogus=1"}, "state_store.uri: .*; its options after the . are bogus"),
        ({"uri": "redis://a?socket_timeout=secret"}, "state_store.uri: .*; its options after the . are socket_timeout"),
    ],
)
def test_what_cannot_be_had_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as refusal:
        open_store(**settings, environ={})
    assert "secret" not in str(refusal.value)
