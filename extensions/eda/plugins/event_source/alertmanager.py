# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event source: alerts that a Prometheus Alertmanager sends, one event each."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

DOCUMENTATION = r"""
---
short_description: Receive alerts from Alertmanager by its webhook.
description:
  - An ansible-rulebook event source that listens for what an Alertmanager of Prometheus sends to a C(webhook_config)
    (payloads of version 4). Each alert becomes one event.
  - Alerts are accepted by C(POST /alerts). C(GET /healthz) answers 200 while it listens, and needs no token.
  - Text of an alert is text from outside. Put the filter C(rlops.autoscale.normalise), or one like it, behind this
    source; without one, all that an alert says gets into the extra vars of what a rule runs, which Ansible templates.
  - An alert is answered with 202 once it is in a queue of O(queue_size) alerts. While that is full, for the actions of
    the rules are slow, it is answered with 503, and Alertmanager sends it again.
  - Other answers are 400 for what is no payload of version 4, 401 for a missing or wrong token, 403 where there is no
    token and the request names another machine, 404 and 405 for other paths and methods, 408 for a body that takes
    longer than 10 seconds, 413 for one that is larger than O(max_bytes) or has more alerts than O(queue_size), and 415
    for one that is compressed or not C(application/json).
version_added: 0.1.0
options:
  host:
    description:
      - The address to listen at.
      - Beyond this machine, the token should not travel in the clear. Give a certificate then.
    type: str
    default: 127.0.0.1
  port:
    description:
      - The TCP port to listen at.
    type: int
    default: 5000
  token:
    description:
      - The token that Alertmanager has to show, as C(Authorization: Bearer ...).
      - At least 16 characters, of letters, digits and C(-._~+/), and at the end C(=).
      - One is needed, here, by O(token_file) or by the environment variable E(AUTOSCALE_EDA_TOKEN), unless
        O(without_token) says otherwise.
    type: str
  token_file:
    description:
      - A file with the token, read once, at the start. Blanks around it do not count.
    type: str
  without_token:
    description:
      - Accept alerts from everybody who can connect. Only on a loopback address, and only what is sent to one by that
        name, so that no web page can have a browser send something.
    type: bool
    default: false
  certfile:
    description:
      - A file with the certificate and those that it depends on, as PEM, to speak TLS.
    type: str
  keyfile:
    description:
      - A file with the key of the certificate, as PEM, if it is not in O(certfile).
    type: str
  max_bytes:
    description:
      - The largest body that is read, in bytes.
    type: int
    default: 1048576
  queue_size:
    description:
      - How many alerts may wait for the rules. No fewer than Alertmanager sends at once, see its C(max_alerts).
    type: int
    default: 1000
"""

EXAMPLES = r"""
- rlops.autoscale.alertmanager:
    port: 5000
    token_file: /etc/autoscale/eda-token
  filters:
    - rlops.autoscale.normalise:

- rlops.autoscale.alertmanager:
    host: 0.0.0.0
    port: 5443
    certfile: /etc/autoscale/eda.pem
    keyfile: /etc/autoscale/eda.key
    token: "{{ eda_token }}"
"""

RETURN = r"""
alert:
  description: Of the alert C(status), C(labels), C(annotations), C(startsAt), C(endsAt), C(generatorURL) and
    C(fingerprint), as it was sent.
  type: dict
meta:
  description: C(received_at), when the alert was received (UTC, ISO 8601).
  type: dict
"""

TOKEN_VARIABLE = "AUTOSCALE_EDA_TOKEN"  # noqa: S105
MIN_TOKEN = 16
READ_S = 10.0
#: How long requests may go on when the source is stopped.
SHUTDOWN_S = 5.0
#: How long the rest of a request that was refused is read, so that its sender sees the answer.
LINGER_S = 1.0
#: What a 503 asks Alertmanager for. It has delays of its own.
RETRY_S = 5

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TEXTS = ("startsAt", "endsAt", "generatorURL", "fingerprint")
_OPTIONS = frozenset(
    {"host", "port", "token", "token_file", "without_token", "certfile", "keyfile", "max_bytes", "queue_size"}
)

logger = logging.getLogger("rlops.autoscale.alertmanager")


class Events(Protocol):
    """Where events go: the queue of ansible-rulebook, behind the filters."""

    async def put(self, event: dict[str, Any], /) -> None:
        """Wait until there is room."""


class Settings(NamedTuple):
    """The options, checked."""

    host: str
    port: int
    token: bytes | None
    certfile: str | None
    keyfile: str | None
    max_bytes: int
    queue_size: int


def read_settings(args: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Check the options. Raises ValueError, which names the option and what was expected."""
    for name in args.keys() - _OPTIONS:
        _wrong(name, f"there is no such option; there are {', '.join(sorted(_OPTIONS))}")
    host = _text(args, "host") or "127.0.0.1"
    certfile, keyfile = _text(args, "certfile"), _text(args, "keyfile")
    if keyfile and not certfile:
        _wrong("keyfile", "it is of no use without certfile")
    return Settings(
        host=host,
        port=_number(args, "port", 5000, 65535),
        token=_token(args, environment, host),
        certfile=certfile,
        keyfile=keyfile,
        max_bytes=_number(args, "max_bytes", 2**20, 2**30),
        queue_size=_number(args, "queue_size", 1000, 10**6),
    )


def read_alerts(body: bytes) -> list[dict[str, Any]]:
    """The alerts of a payload, each with its known fields only. Raises ValueError for what is no payload."""
    try:
        payload = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ValueError("JSON is expected") from None
    if not isinstance(payload, dict) or payload.get("version") != "4":
        raise ValueError("a payload of Alertmanager of version 4 is expected")
    alerts = payload.get("alerts")
    if not isinstance(alerts, list):
        raise ValueError("alerts: a list is expected")  # noqa: TRY004
    return [_alert(number, alert) for number, alert in enumerate(alerts)]


class Intake:
    """The web server's part: alerts come in, wait, and go on to the rules in turn."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(settings.queue_size)
        self._in_hand = False  # whether one has left the queue and is not with the rules yet

    def application(self) -> web.Application:
        """What answers requests."""
        application = web.Application(middlewares=[self._authorise], client_max_size=self._settings.max_bytes)
        application.router.add_get("/healthz", _healthz)
        application.router.add_post("/alerts", self._receive)
        return application

    async def forward(self, events: Events) -> None:
        """Hand alerts on for ever. What a filter cannot take is left out, so that it holds up no other."""
        while True:
            event = await self._waiting.get()
            self._in_hand = True
            try:
                await events.put(event)
            except Exception as error:
                logger.error("an alert was dropped: a filter failed: %s", ascii(repr(error))[:200])  # noqa: TRY400
            self._in_hand = False

    def left(self) -> int:
        """How many alerts were accepted and are not with the rules yet."""
        return self._waiting.qsize() + self._in_hand

    @web.middleware
    async def _authorise(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path == "/healthz":
            return await handler(request)
        if self._settings.token is None:
            if not _is_loopback(re.sub(r":[0-9]+\Z", "", request.host).strip("[]")):
                return _refuse(403, "without a token, it is to be sent to a loopback address")
        elif not self._shows(request, self._settings.token):
            logger.warning("a request of %s was refused: its token is missing or wrong", request.remote)
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)

    @staticmethod
    def _shows(request: web.Request, token: bytes) -> bool:
        scheme, _blank, shown = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(shown.strip().encode(errors="surrogateescape"), token)
        return right and scheme.lower() == "bearer"

    async def _receive(self, request: web.Request) -> web.Response:
        # A web page that a browser of this machine shows can post text, but not this type, without being allowed to.
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            return _refuse(415, "application/json is expected, not compressed")
        try:
            async with asyncio.timeout(READ_S):
                alerts = read_alerts(await request.read())
        except TimeoutError:
            return _refuse(408, f"the body took longer than {READ_S:g} s")
        except ValueError as error:
            return _refuse(400, str(error))
        if len(alerts) > self._settings.queue_size:
            return _refuse(413, f"more than {self._settings.queue_size} alerts at once: see queue_size and max_alerts")
        if len(alerts) > self._settings.queue_size - self._waiting.qsize():
            return _refuse(503, "the rules are busy, the queue is full", {"Retry-After": str(RETRY_S)})
        received_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for alert in alerts:
            self._waiting.put_nowait({"alert": alert, "meta": {"received_at": received_at}})
        return web.Response(status=202, text=f"{len(alerts)} alerts\n")


async def main(queue: Events, args: dict[str, Any]) -> None:
    """Receive alerts until cancelled."""
    settings = read_settings(args, os.environ)
    tls = _tls(settings)
    intake = Intake(settings)
    runner = web.AppRunner(intake.application(), access_log=None, shutdown_timeout=SHUTDOWN_S, lingering_time=LINGER_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, ssl_context=tls).start()
        logger.info("listening at %s, port %d", settings.host, settings.port)
        await intake.forward(queue)
    finally:
        await runner.cleanup()
        if left := intake.left():
            logger.warning("stopped: %d alerts that were accepted are lost", left)


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _refuse(status: int, reason: str, headers: Mapping[str, str] | None = None) -> web.Response:
    logger.warning("a request was refused: %d, %s", status, reason)
    return web.Response(status=status, text=f"{reason}\n", headers=headers)


def _alert(number: int, alert: object) -> dict[str, Any]:
    where = f"alerts[{number}]"
    if not isinstance(alert, dict):
        raise ValueError(f"{where}: an object is expected")  # noqa: TRY004
    if alert.get("status") not in ("firing", "resolved"):
        raise ValueError(f"{where}.status: firing or resolved is expected")
    kept: dict[str, Any] = {"status": alert["status"]}
    for name in ("labels", "annotations"):
        kept[name] = alert.get(name, {})
        if not isinstance(kept[name], dict):
            raise ValueError(f"{where}.{name}: an object is expected")  # noqa: TRY004
        if not all(_is_text(text) for pair in kept[name].items() for text in pair):
            raise ValueError(f"{where}.{name}: texts are expected")
    for name in _TEXTS:
        kept[name] = alert.get(name, "")
        if not _is_text(kept[name]):
            raise ValueError(f"{where}.{name}: a text is expected")
    return kept


def _is_text(text: object) -> bool:
    """Whether it can be handed on: JSON can name halves of characters, which no encoding has."""
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _wrong(option: str, message: str) -> NoReturn:
    raise ValueError(f"{option}: {message}")


def _text(args: Mapping[str, Any], name: str) -> str | None:
    """A text; an empty one is as good as none, so that a variable of the rulebook may be left out."""
    text = args.get(name)
    if text is not None and not isinstance(text, str):
        _wrong(name, f"a text is expected, got {type(text).__name__}")
    return text or None


def _number(args: Mapping[str, Any], name: str, default: int, maximum: int) -> int:
    number = args.get(name, default)
    if isinstance(number, str) and re.fullmatch("[0-9]{1,10}", number):
        number = int(number)  # as it comes from an environment variable
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= maximum:
        _wrong(name, f"a whole number from 1 to {maximum} is expected, got {ascii(number)[:50]}")
    return number


def _token(args: Mapping[str, Any], environment: Mapping[str, str], host: str) -> bytes | None:
    """The token, or None where none is wanted. No message shows it."""
    option, token = _given_token(args, environment)
    without = args.get("without_token", False)
    if not isinstance(without, bool):
        _wrong("without_token", "true or false is expected")
    if without:
        if token:
            _wrong("without_token", f"no token is expected with it, got one by {option}")
        if not _is_loopback(host):
            _wrong("without_token", f"a loopback address is expected as host with it, got {host!a}")
        return None
    if not token and option == "token":
        _wrong(option, f"one is expected, here or by token_file or the environment variable {TOKEN_VARIABLE}")
    if len(token) < MIN_TOKEN or not _TOKEN.fullmatch(token):
        _wrong(option, f"at least {MIN_TOKEN} characters are expected, of letters, digits and -._~+/, and = at the end")
    return token.encode()


def _given_token(args: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, str]:
    """What gives the token, and the token; it may be empty."""
    token, path = args.get("token"), _text(args, "token_file")
    if token is not None and not isinstance(token, str):
        _wrong("token", "a text is expected; one that reads as a number has to come by token_file")
    if path and token:
        _wrong("token_file", "either token or token_file is expected, got both")
    if path:
        try:
            return "token_file", Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            _wrong("token_file", f"{path!a} cannot be read: {type(error).__name__}")
    if not token and TOKEN_VARIABLE in environment:
        return TOKEN_VARIABLE, environment[TOKEN_VARIABLE].strip()
    return "token", token or ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.certfile is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.certfile, settings.keyfile)
    except (OSError, ValueError) as error:
        _wrong("certfile", f"{settings.certfile!a} cannot be used: {ascii(str(error))[:200]}")
    return context
