# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same HTTP request to many servers at once, within one deadline, by requests.

Lean on purpose: prepared requests go straight to an adapter (no session: no cookies, no netrc, no proxies from the
environment), and one TLS context serves all hosts.
"""

from __future__ import annotations

import gzip
import io
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError, quoted

try:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
except ImportError:
    requests = None  # type: ignore[assignment]
    HTTPAdapter = object  # type: ignore[assignment,misc]

CHUNK_BYTES = 65_536
MAX_REDIRECTS = 3
#: So many threads are started at once, and again after each RAMP seconds in which those there are took no more than one
#: address each. Few threads are fastest for servers that answer; servers that do not must not hold up the others.
THREADS_AT_ONCE = 32
RAMP = 0.05
#: Time in s after the deadline for threads to hand in what they have. Those that still wait are left behind.
GRACE = 0.3

Result = TypeVar("Result")


class FetchError(AutoscaleError):
    """One address gave no usable answer. The message holds nothing of the address but scheme, host and path."""


class Request(NamedTuple):
    """What is asked of each address."""

    accept: str = "*/*"
    method: str = "GET"
    follow: bool = True  # redirects, as far as the option allows it; else a redirect is an answer as any other
    first: int | None = None  # so many bytes of the body are wanted; None: all of it


class Reply(NamedTuple):
    """An answer, whatever its status."""

    status: int
    content_type: str  # lower case, without parameters
    body: bytes  # decompressed


def check_http(http: Mapping[str, Any]) -> None:
    """What the spec of the option ``http`` cannot express. Raises OptionError."""
    for option in ("timeout", "max_bytes", "concurrency"):
        if not http[option] > 0:
            raise OptionError(f"http.{option}", f"a number above 0 is expected, got {http[option]:g}")


class Client:
    """Fetches as the suboptions of ``http`` say."""

    def __init__(self, http: Mapping[str, Any]) -> None:
        if requests is None:
            raise AutoscaleError("the Python package requests is needed: pip install requests")
        self._http = http
        self._credentials = _Credentials(http)
        for option in ("ca_path", "client_cert", "client_key"):
            if http[option] and not Path(http[option]).exists():
                raise OptionError(f"http.{option}", f"{quoted(http[option])} does not exist")

    def fetch_all(
        self, urls: Sequence[str], request: Request, then: Callable[[int, Reply], Result]
    ) -> list[Result | FetchError]:
        """Ask all of them; each reply goes with its index to `then`, in the thread that fetched it.

        Returns by the deadline whatever the servers do: nobody waits for a slow name look-up, nor for a server that
        sends a byte a second. What `then` raises as FetchError is that address' result.
        """
        timeout = self._http["timeout"]
        deadline = monotonic() + timeout
        results: list[Result | FetchError] = [FetchError(f"no complete answer within {timeout:g} s")] * len(urls)
        bugs: list[Exception] = []
        indices: SimpleQueue[int] = SimpleQueue()
        for index in range(len(urls)):
            indices.put(index)

        def work() -> None:
            while monotonic() < deadline:
                try:
                    index = indices.get_nowait()
                except Empty:
                    return
                try:
                    results[index] = then(index, self.fetch(urls[index], request, deadline))
                except FetchError as error:
                    results[index] = error
                except Exception as error:
                    bugs.append(error)

        threads: list[threading.Thread] = []
        waiting_before = len(urls)
        while (waiting := indices.qsize()) and len(threads) < self._http["concurrency"] and monotonic() < deadline:
            if waiting_before - waiting <= len(threads):
                for _number in range(min(THREADS_AT_ONCE, self._http["concurrency"] - len(threads), waiting)):
                    threads.append(threading.Thread(target=work, daemon=True))
                    threads[-1].start()
            waiting_before = waiting
            threads[-1].join(RAMP)
        for thread in threads:
            thread.join(max(0.0, deadline + GRACE - monotonic()))
        if bugs:
            raise bugs[0]
        return list(results)

    def fetch(self, url: str, request: Request, deadline: float) -> Reply:
        """Ask one address until the `deadline` of the monotonic clock, which is kept between two reads only."""
        try:
            origin = _origin(url)
            for _hop in range(1 + MAX_REDIRECTS):
                credentials = self._credentials if _origin(url) == origin else None
                with closing(self._send(url, request, credentials, deadline)) as response:
                    if not (request.follow and response.is_redirect):
                        return self._reply(response, request, deadline)
                    url = self._redirected(url, response.headers["Location"])
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            raise FetchError(_why(error, self._http["timeout"])) from error
        raise FetchError(f"more than {MAX_REDIRECTS} redirects")

    def _send(self, url: str, request: Request, credentials: _Credentials | None, deadline: float) -> requests.Response:
        headers = {
            "Accept": request.accept,
            "Accept-Encoding": "gzip" if request.first is None else "identity",
            "Connection": "close",
        }
        prepared = requests.Request(request.method, url, headers | (credentials.headers if credentials else {}))
        prepared.auth = credentials and credentials.basic
        adapter = self._tls_adapter if url.lower().startswith("https:") else self._plain_adapter
        return adapter.send(
            prepared.prepare(),
            stream=True,
            timeout=max(0.001, deadline - monotonic()),
            verify=self._http["validate_certs"],
        )

    def _reply(self, response: requests.Response, request: Request, deadline: float) -> Reply:
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if request.first is None:
            body = self._body(response, deadline)
        else:
            body = response.raw.read(request.first, decode_content=False) if request.first else b""
        return Reply(response.status_code, content_type, body)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """The whole body; FetchError where it is longer than allowed, or not all of it came."""
        limit = self._http["max_bytes"]
        too_long = FetchError(f"the page is larger than {limit} bytes (http.max_bytes)")
        body = bytearray()
        while chunk := response.raw.read(CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > limit:
                raise too_long
            if monotonic() > deadline:
                raise requests.ReadTimeout
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and len(body) < int(announced):
            raise IncompleteRead(bytes(body))
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding == "identity":
            return bytes(body)
        if encoding != "gzip":
            raise FetchError(f"answered in the encoding {quoted(encoding, 40)}, which was not asked for")
        try:
            unpacked = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise FetchError("answered with broken gzip data") from error
        if len(unpacked) > limit:
            raise too_long
        return unpacked

    def _redirected(self, url: str, location: str) -> str:
        """Where a redirect leads, if the option allows it."""
        target = urljoin(url, location)
        policy = self._http["follow_redirects"]
        allowed = policy == "all" or (policy == "same_origin" and _origin(target) == _origin(url))
        if not allowed or not _can_be_fetched(target):
            raise FetchError(f"redirects to {shown(target)}, which http.follow_redirects={policy} does not allow")
        return target

    @cached_property
    def _plain_adapter(self) -> HTTPAdapter:
        return HTTPAdapter(pool_maxsize=1)

    @cached_property
    def _tls_adapter(self) -> HTTPAdapter:
        if not self._http["validate_certs"]:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return _TlsAdapter(_tls_context(self._http))


class _Credentials:
    """What only the asked host may see."""

    def __init__(self, http: Mapping[str, Any]) -> None:
        self.headers = {str(name): str(value) for name, value in (http["headers"] or {}).items()}
        self.basic = None
        if http["token"]:
            self.headers["Authorization"] = f"Bearer {http['token'].strip()}"
        elif http["username"]:
            self.basic = (http["username"].encode(), (http["password"] or "").encode())
        if not self.headers:
            return
        try:
            requests.Request("GET", "http://localhost", self.headers).prepare()
        except (requests.RequestException, UnicodeError):
            # The cause is kept out: its text repeats the value.
            raise OptionError("http", "a header's name or value, or the token, holds characters HTTP forbids") from None


class _TlsAdapter(HTTPAdapter):
    """One TLS context for all hosts; requests by itself loads the CA bundle anew for each, 20 ms of CPU a time."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to set: the context holds authorities and client certificate."""


def _tls_context(http: Mapping[str, Any]) -> ssl.SSLContext:
    path = http["ca_path"]
    try:
        if path:
            folder = Path(path).is_dir()
            context = ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
        else:
            context = ssl.create_default_context()
    except OSError as error:
        raise OptionError("http.ca_path", f"{quoted(path)} holds no usable certificates") from error
    if not http["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if http["client_cert"]:
        try:
            # An empty password: an encrypted key is an error, not a question at the terminal.
            context.load_cert_chain(http["client_cert"], http["client_key"], password="")
        except OSError as error:
            raise OptionError("http.client_cert", "certificate and key cannot be loaded, or do not match") from error
    return context


def check_url(option: str, url: object) -> str:
    """The URL, if it is one that can be fetched; else OptionError."""
    text = str(url)
    if not _can_be_fetched(text):
        raise OptionError(option, f"expected a URL like http://host:port/path, got {quoted(shown(text))}")
    return text


def _can_be_fetched(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port
        return False


def shown(url: str) -> str:
    """The URL as it may stand in a message: without user, password, query and fragment."""
    bare = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    return quoted(scheme + separator + host.rpartition("@")[2] + slash + path)


def same_origin(url: str, other: str) -> bool:
    """Whether both have the same scheme, host and port; False where one is no URL."""
    return _can_be_fetched(url) and _can_be_fetched(other) and _origin(url) == _origin(other)


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _why(error: BaseException, timeout: float) -> str:
    """The cause in a few words. What requests says itself would repeat the whole URL, secrets in its query included."""
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return f"no complete answer within {timeout:g} s"
    cause: object = error
    while isinstance(cause, BaseException):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: {quoted(cause.verify_message)}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {quoted(cause.reason)}"
        if isinstance(cause, IncompleteRead):
            return "the answer broke off"
        if isinstance(cause, OSError) and cause.strerror:
            return quoted(cause.strerror)
        inner = getattr(cause, "reason", None) or next((arg for arg in cause.args if isinstance(arg, Exception)), None)
        cause = inner or cause.__cause__ or cause.__context__
    return f"not an HTTP answer ({type(error).__name__})"
