# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real HTTP servers on loopback for tests of what fetches metrics: well-behaved, hostile, slow, with TLS."""

from __future__ import annotations

import datetime
import gzip
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Answer = Callable[[BaseHTTPRequestHandler], None]


class MetricsServer:
    """A server on a free port; `answer` writes each answer, and may be exchanged while it runs."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str]]] = []  # path and headers of each
        self.stopping = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append((self.path, dict(self.headers)))
                with suppress(OSError):  # the client went away, which is what many of these tests make it do
                    server.answer(self)

            def log_message(self, *_unused: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_unused: object) -> None:
                pass  # refused TLS handshakes

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/metrics"

    def __enter__(self) -> MetricsServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_unused: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


def page(body: bytes | str, content_type: str = METRICS_TYPE, status: int = 200, **headers: str) -> Answer:
    """An ordinary answer. Underscores in the names of headers stand for hyphens."""
    data = body.encode() if isinstance(body, str) else body

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content_Type": content_type, "Content_Length": str(len(data))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def gzipped(body: bytes | str) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return page(gzip.compress(data), Content_Encoding="gzip")


def redirect(location: str) -> Answer:
    return page(b"", status=302, Location=location)


def by_path(answers: Mapping[str, Answer]) -> Answer:
    """Another answer for each path, query included."""
    return lambda request: answers[request.path](request)


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server's certificate for 127.0.0.1, a client's, another authority."""

    ca: Path
    server: Path
    client: Path
    client_key: Path
    other_ca: Path

    def server_context(self, *, ask_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context


def make_certificates(folder: Path) -> Certificates:
    now = datetime.datetime.now(datetime.UTC)

    def issue(name: str, issuer: tuple[Any, Any] | None) -> tuple[Any, Any]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer_name, signer = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return certificate, key

    def pem(certificate: Any) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)

    def pem_key(key: Any) -> bytes:
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(name: str, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    authority, other = issue("test authority", None), issue("other authority", None)
    server, client = issue("server", authority), issue("client", authority)
    return Certificates(
        ca=write("ca.pem", pem(authority[0])),
        server=write("server.pem", pem(server[0]) + pem_key(server[1])),
        client=write("client.pem", pem(client[0])),
        client_key=write("client.key", pem_key(client[1])),
        other_ca=write("other.pem", pem(other[0])),
    )
