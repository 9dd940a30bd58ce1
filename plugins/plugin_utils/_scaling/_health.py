# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks instances over HTTP: are you healthy, please drain. Concurrent, and bounded in time whatever they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

try:
    import requests
except ImportError:
    requests = None  # type: ignore[assignment]

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Probe

_MAX_THREADS = 64
_MAX_COUNT_DIGITS = 10

T = TypeVar("T")


def probe_all(urls: Mapping[str, str], timeout: float) -> dict[str, Probe]:
    """Ask each health URL once: name -> answer. A status of 2xx is healthy; redirects are not followed.

    ``timeout`` (s) bounds connecting and each read. All together take at most three times that: those that have not
    answered by then are unhealthy.
    """
    answers = _ask_all(urls, lambda url: _probe(url, timeout), timeout)
    return {name: answers.get(name, Probe(False, "no answer in time")) for name in urls}


def drain_all(urls: Mapping[str, str], timeout: float) -> dict[str, int]:
    """POST to each drain URL. Those that answer with a plain number have so many connections left: name -> number."""
    answers = _ask_all(urls, lambda url: _drain(url, timeout), timeout)
    return {name: left for name, left in answers.items() if left is not None}


def undrain_all(urls: Mapping[str, str], timeout: float) -> None:
    """DELETE each drain URL: new connections are welcome again. A failure shows in the instance's health."""
    _ask_all(urls, lambda url: _answer("DELETE", url, timeout), timeout)


def _ask_all(urls: Mapping[str, str], ask: Callable[[str], T], timeout: float) -> dict[str, T]:
    if not urls:
        return {}
    if requests is None:
        raise AutoscaleError("asking instances over HTTP needs the Python package requests: pip install requests")
    executor = ThreadPoolExecutor(min(_MAX_THREADS, len(urls)))
    try:
        futures = {executor.submit(ask, url): name for name, url in urls.items()}
        done, _late = wait(futures, timeout=3 * timeout)
        return {futures[future]: future.result() for future in done}
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _probe(url: str, timeout: float) -> Probe:
    status, detail, _body = _answer("GET", url, timeout)
    return Probe(status is not None and 200 <= status < 300, detail)


def _drain(url: str, timeout: float) -> int | None:
    status, _detail, body = _answer("POST", url, timeout)
    if status is None or not 200 <= status < 300:
        return None
    text = body.strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _answer(method: str, url: str, timeout: float) -> tuple[int | None, str, str]:
    """Status (None: no answer), what to say of it, and the first characters of the body."""
    session = requests.Session()
    session.trust_env = False  # instances are asked directly: no proxy, no netrc
    options: dict[str, Any] = {"timeout": timeout, "allow_redirects": False, "stream": True}
    try:
        with session, session.request(method, url, **options) as response:
            body = next(response.iter_content(_MAX_COUNT_DIGITS), b"") if method == "POST" else b""
            return response.status_code, f"HTTP {response.status_code}", body.decode("latin-1")
    except requests.exceptions.Timeout:
        return None, f"no answer within {timeout:g} s", ""
    except requests.exceptions.ConnectionError:
        return None, "no connection", ""
    except (requests.exceptions.RequestException, ValueError) as error:
        return None, type(error).__name__, ""
