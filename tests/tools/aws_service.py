# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""moto's server of Amazon's APIs. It keeps the books of instances and groups, and boots nothing.

It knows what was asked of it by those who have KEYS in their environment, and can be told to refuse some of that.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from urllib.request import Request, urlopen

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

REGION = "eu-central-1"
#: For the environment of what is tested; they can be searched for in output.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAFORTESTSFORTESTS",
    "AWS_SECRET_ACCESS_KEY": "forty-characters-that-nobody-may-see-ever",
}

_SIGNED_FOR = re.compile(rf"Credential={KEYS['AWS_ACCESS_KEY_ID']}/\d+/[^/]+/([a-z0-9-]+)/aws4_request")
_REFUSAL = "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"


@dataclass(frozen=True)
class Call:
    """A request that was made."""

    action: str  # as policies name it, such as ec2:RunInstances
    parameters: dict[str, str]


@dataclass
class AwsService:
    """What is known and can be done to the server. It is a WSGI application, in front of moto's."""

    application: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    #: Code and message of the error that a call shall get; None: moto answers.
    refuse: Callable[[Call], tuple[str, str] | None] = lambda _call: None

    @property
    def actions(self) -> list[str]:
        """What was called, in order."""
        return [call.action for call in self.calls]

    def client(self, service: str) -> Any:
        """A client for the test's own questions, which are not listed."""
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        signed = _SIGNED_FOR.search(environ.get("HTTP_AUTHORIZATION", ""))
        if signed:
            parameters = dict(parse_qsl(body.decode()))
            call = Call(f"{signed[1]}:{parameters['Action']}", parameters)
            self.calls.append(call)
            refusal = self.refuse(call)
            if refusal is not None:
                start_response("400 Bad Request", [("Content-Type", "text/xml")])
                return [_REFUSAL.format(code=refusal[0], message=refusal[1]).encode()]
        answer: Iterable[bytes] = self.application(environ, start_response)
        return answer


class _Quiet(MotoRequestHandler):
    """Without a line for each request."""

    def log_request(self, *_args: object) -> None:
        """Be quiet."""


@contextmanager
def aws_service() -> Iterator[AwsService]:
    """A server with an empty account."""
    service = AwsService()
    server = make_server("127.0.0.1", 0, service, threaded=True, request_handler=_Quiet)
    service.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        # moto keeps its books in the process, not in the server.
        urlopen(Request(f"{service.url}/moto-api/reset", method="POST"), timeout=10).close()
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
