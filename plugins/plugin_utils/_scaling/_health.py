# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks instances over HTTP: are you healthy, please drain. All at once, and in bounded time whatever they answer.

`http` are the options of the same name, see HTTP_SPEC; their timeout is the time that all instances have to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._http import Client, FetchError, Reply, Request
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Probe

_MAX_COUNT_DIGITS = 10

_PROBE = Request(follow=False, first=0)
_DRAIN = Request(method="POST", follow=False, first=_MAX_COUNT_DIGITS)
_SHED = Request(method="POST", follow=False, first=0)
_UNDRAIN = Request(method="DELETE", follow=False, first=0)


def probe_all(urls: Mapping[str, str], http: Mapping[str, Any]) -> dict[str, Probe]:
    """Ask each health URL once: name -> answer. A status of 2xx is healthy; redirects are not followed."""
    answers = _ask_all(urls, _PROBE, http)
    return {
        name: Probe(False, str(answer))
        if isinstance(answer, FetchError)
        else Probe(_is_success(answer), f"HTTP {answer.status}")
        for name, answer in answers.items()
    }


def drain_all(urls: Mapping[str, str], http: Mapping[str, Any]) -> dict[str, int]:
    """POST to each drain URL. Those that answer with a plain number have so many connections left: name -> number."""
    answers = _ask_all(urls, _DRAIN, http)
    counts = {name: _count(answer) for name, answer in answers.items() if not isinstance(answer, FetchError)}
    return {name: count for name, count in counts.items() if count is not None}


def shed_all(urls: Mapping[str, str], http: Mapping[str, Any]) -> dict[str, str]:
    """POST to each shed URL; returns those that did not do as they were asked: name -> why."""
    answers = _ask_all(urls, _SHED, http)
    return {
        name: str(answer) if isinstance(answer, FetchError) else f"HTTP {answer.status}"
        for name, answer in answers.items()
        if isinstance(answer, FetchError) or not _is_success(answer)
    }


def undrain_all(urls: Mapping[str, str], http: Mapping[str, Any]) -> None:
    """DELETE each drain URL: new connections are welcome again. A failure shows in the instance's health."""
    _ask_all(urls, _UNDRAIN, http)


def _ask_all(urls: Mapping[str, str], request: Request, http: Mapping[str, Any]) -> dict[str, Reply | FetchError]:
    if not urls:
        return {}
    answers = Client(http).fetch_all(list(urls.values()), request, lambda _index, reply: reply)
    return dict(zip(urls, answers, strict=True))


def _count(reply: Reply) -> int | None:
    text = reply.body.strip()
    return int(text) if _is_success(reply) and text.isdigit() else None


def _is_success(reply: Reply) -> bool:
    return 200 <= reply.status < 300
