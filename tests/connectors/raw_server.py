"""A server on loopback that speaks as badly as a test wants: a script gets the socket once a request has been read."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Script = Callable[[socket.socket], None]

PATIENCE_S = 60.0  # no test waits so long; one that does is told by it that the other side never gave up


@dataclass
class RawServer:
    port: int
    requests: list[bytes] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)  # once there is a request
    connections: int = 0

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


@contextlib.contextmanager
def serving(script: Script, *, tls: ssl.SSLContext | None = None, sips: bool = False) -> Iterator[RawServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1])
    threads: list[threading.Thread] = []
    sockets = [listener]
    over = threading.Event()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                conn, _ = listener.accept()
                server.connections += 1
                sockets.append(conn)
                threads.append(threading.Thread(target=sip if sips else talk, args=(conn,)))
                threads[-1].start()

    def sip(conn: socket.socket) -> None:
        """After the answer to a first request, with which the connection was opened."""
        with contextlib.suppress(OSError):
            read_request(conn)
            script(conn)
            while not over.wait(0.01) and conn.recv(4096):
                continue

    def talk(conn: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client hung up, as the tests want
            conn.settimeout(PATIENCE_S)
            with tls.wrap_socket(conn, server_side=True) if tls else conn as sock:
                while request := read_request(sock):
                    server.requests.append(request)
                    server.heard.set()
                    script(sock)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        over.set()
        for sock in sockets:
            with contextlib.suppress(OSError):  # it is closed already
                sock.shutdown(socket.SHUT_RDWR)
        for thread in [acceptor, *threads]:
            thread.join(timeout=PATIENCE_S)
        for sock in sockets:
            sock.close()


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """A port of this machine at which nobody listens, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(row[15:]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = sock.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def answer(
    body: bytes = b"{}", *, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n"
) -> Script:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode()
    return lambda sock: sock.sendall(head + body)


def raw(data: bytes, *, reset: bool = False) -> Script:
    """Send these bytes and hang up, with a reset when asked."""

    def script(sock: socket.socket) -> None:
        sock.sendall(data)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    return script


def after_a_greeting(script: Script) -> Script:
    """A good answer to the first request, with which the client opens its connection; then the script."""
    scripts = itertools.chain([answer()], itertools.repeat(script))

    def speak(sock: socket.socket) -> None:
        next(scripts)(sock)

    return speak


def dribble(first: bytes, piece: bytes, *, every_s: float = 0.05) -> Script:
    """Send the first bytes, then a piece again and again until the client hangs up."""

    def script(sock: socket.socket) -> None:
        sock.sendall(first)
        ends_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_at:
            time.sleep(every_s)
            sock.sendall(piece)

    return script


def silent(sock: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    sock.recv(1)


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """What a server needs to show a certificate of this name; `cert.pem` in the folder vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    alternative = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2200, 1, 1, tzinfo=UTC))  # OpenSSL goes by the machine's clock, not by the test's
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context
