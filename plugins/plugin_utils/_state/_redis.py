# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State on a Redis server (or Valkey, which speaks the same), for controllers that share nothing else.

A writer holds a lock that expires by itself, since the server cannot know that a controller has died. So each write
says whose lock it relies on, and the server takes it only while that lock is held: a writer that was away for too
long is refused, and what another one has written meanwhile is not lost.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted

if TYPE_CHECKING:
    from redis import Redis
    from redis.lock import Lock

PREFIX = "rlops_autoscale"
#: Seconds after which a lock is free again whose holder has died; one that lives renews it three times as often.
LOCK_EXPIRES_S = 15.0
#: Seconds that the server has to answer.
TIMEOUT_S = 5.0
SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_SENTINEL_PORT = 26379
_HOW_TO_WRITE = "in a password, @ / ? # % are written %40 %2F %3F %23 %25"

_WRITE = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2])
return 1
"""


class RedisMedium:
    """Keeps each text under the key `rlops_autoscale:{<name>}`, without expiry.

    uri: `redis://[user:password@]host[:6379][/database]`, `rediss://` for TLS, `unix://[user:password@]/path`, with the
    options of redis-py after a `?` (such as `ssl_ca_certs=/etc/ca.pem`); or `redis+sentinel://` (`rediss+sentinel://`)
    `[user:password@]host[:26379][,host...]/service[/database]`, where user and password are those of the servers, and
    `sentinel_username` and `sentinel_password` after a `?` those of the sentinels.
    Raises OptionError (`state_store.uri`) for anything else, AutoscaleError if redis-py is not installed.
    """

    shared = True

    def __init__(self, uri: str, *, lock_expires: float = LOCK_EXPIRES_S, timeout: float = TIMEOUT_S) -> None:
        parts = _split(uri)
        self.location = f"redis {_without_secrets(parts)}"
        self._lock_expires = lock_expires
        self._client = _connect(uri, parts, timeout)
        self._token: dict[str, bytes] = {}  # of the locks that are held here

    def read(self, name: str) -> str | None:
        """The text of that name, None if there is none. A byte that is not ASCII reads as one that fits no JSON."""
        with self._reaching("read"):
            found: bytes | None = self._client.get(_key(name))
        return None if found is None else found.decode("ascii", "replace")

    def write(self, name: str, text: str) -> None:
        """Replace the text of that name, if the lock is still held that its writer took."""
        key = name.rpartition(".")[0]
        with self._reaching("written"):
            done = self._client.eval(_WRITE, 2, _lock_key(key), _key(name), self._token.get(key, b""), text)
        if not done:
            raise AutoscaleError(
                f"state is not written in {self.location}: the lock of {quoted(key)} ran out after "
                f"{self._lock_expires:g} s, and somebody else may have written since"
            )

    def set_aside(self, name: str, suffix: str) -> str:
        """Rename a damaged text, so that a person can look at it. Returns what became of it."""
        aside = f"{_key(name)}:{suffix}"
        with self._reaching("written"):
            self._client.rename(_key(name), aside)
        return f"set aside as {aside}"

    @contextlib.contextmanager
    def exclusive(self, key: str, timeout_s: float) -> Iterator[None]:
        """The right to write the texts of a key; TimeoutError if others have it for `timeout_s` seconds."""
        from redis.exceptions import LockError  # noqa: PLC0415 - where Redis is not used, it need not be there

        lock = self._client.lock(_lock_key(key), timeout=self._lock_expires, thread_local=False)
        with self._reaching("locked"):
            got_it = lock.acquire(blocking_timeout=timeout_s)
        if not got_it:
            raise TimeoutError
        self._token[key] = lock.local.token
        try:
            with _renewed(lock, self._lock_expires / 3):
                yield
        finally:
            del self._token[key]
            # If it cannot be given back, it expires.
            with contextlib.suppress(LockError, AutoscaleError), self._reaching("unlocked"):
                lock.release()

    @contextlib.contextmanager
    def _reaching(self, verb: str) -> Iterator[None]:
        from redis.exceptions import AuthenticationError, LockError, RedisError  # noqa: PLC0415

        try:
            yield
        except LockError:
            raise
        except AuthenticationError as error:
            why = f"has the URI the right user and password? Redis says: {quoted(error)}"
            raise AutoscaleError(f"state cannot be {verb} in {self.location}: {why}") from error
        except (RedisError, OSError) as error:
            raise AutoscaleError(f"state cannot be {verb} in {self.location}: {quoted(error)}") from error


def _key(name: str) -> str:
    """The key of a slot. What is in braces decides on which node of a cluster it is: that of its lock."""
    key, _dot, slot = name.rpartition(".")
    return f"{PREFIX}:{{{key}}}:{slot}"


def _lock_key(key: str) -> str:
    return f"{PREFIX}:{{{key}}}:lock"


def _split(uri: str) -> SplitResult:
    """The parts of a URI. Its secrets appear in no message, wherever a slip of the pen has put them."""
    try:
        parts = urlsplit(uri)
        where = parts.path if parts.scheme == "unix" else parts.hostname
        if not parts.scheme.endswith("+sentinel"):
            _unused = parts.port  # raises ValueError
    except ValueError:
        where = ""
    if not where or parts.scheme not in SCHEMES:
        kinds = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise OptionError(
            "state_store.uri", f"expected one of {kinds}, such as redis://:password@host:6379/0; {_HOW_TO_WRITE}"
        )
    if "@" in parts.path + parts.query + parts.fragment:
        raise OptionError("state_store.uri", f"expected no @ but the one before the host; {_HOW_TO_WRITE}")
    return parts


def _without_secrets(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _connect(uri: str, parts: SplitResult, timeout: float) -> Redis:
    try:
        import redis  # noqa: PLC0415
    except ImportError as error:
        where = "where Ansible runs: pip install redis"
        raise AutoscaleError(f"state in Redis needs the Python package redis {where}") from error
    limits: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    try:
        sentinels = parts.scheme.endswith("+sentinel")
        client: Redis = _master(parts, limits) if sentinels else redis.Redis.from_url(uri, **limits)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # raises TypeError for options that it does not have
    except (ValueError, TypeError):
        # Not quoted: it may quote a password.
        options = ", ".join(quoted(name) for name, _value in parse_qsl(parts.query)) or "none"
        raise OptionError(
            "state_store.uri", f"redis-py does not understand it; its options after the ? are {options}"
        ) from None
    return client


def _master(parts: SplitResult, limits: dict[str, Any]) -> Redis:
    """The server that sentinels say is the master at present, asked anew for each connection."""
    from redis.connection import parse_url  # noqa: PLC0415
    from redis.sentinel import Sentinel  # noqa: PLC0415

    credentials, at, hosts = parts.netloc.rpartition("@")
    service, _slash, database = parts.path.strip("/").partition("/")
    if not service:
        raise OptionError("state_store.uri", "expected the name of the service after the sentinels, such as /mymaster")
    # What is no matter of sentinels is written as in any other URI, so the library reads it.
    options = dict(parse_url(f"redis://{credentials}{at}host/{database}?{parts.query}"))
    options.pop("host")
    own = {name: options.pop(name) for name in list(options) if name.startswith("sentinel_")}
    security: dict[str, Any] = {name: value for name, value in options.items() if name.startswith("ssl_")}
    if parts.scheme.startswith("rediss"):
        options["ssl"] = security["ssl"] = True
    sentinels = Sentinel(
        [_sentinel(host) for host in hosts.split(",")],
        sentinel_kwargs={**limits, **security, **{name.partition("_")[2]: value for name, value in own.items()}},
        **limits,
    )
    client: Redis = sentinels.master_for(service, **limits, **options)
    return client


def _sentinel(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("a sentinel without a host")
    return parts.hostname, parts.port or _SENTINEL_PORT


@contextlib.contextmanager
def _renewed(lock: Lock, every_s: float) -> Iterator[None]:
    """Keep a lock from expiring: instances may be started under it, which takes long."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(every_s):
            # A lock that is lost is noticed at the next write.
            with contextlib.suppress(Exception):
                lock.reacquire()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
