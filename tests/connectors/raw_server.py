"""A server on loopback that speaks as badly as a test wants: a script gets the socket once a request has been read."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Script = Callable[[socket.socket], None]


@dataclass
class RawServer:
    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


@contextlib.contextmanager
def serving(script: Script, *, tls: ssl.SSLContext | None = None, sips: bool = False) -> Iterator[RawServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1])
    threads: list[threading.Thread] = []
    sockets = [listener]

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                conn, _ = listener.accept()
                server.connections += 1
                sockets.append(conn)
                threads.append(threading.Thread(target=sip if sips else talk, args=(conn,)))
                threads[-1].start()

    def sip(conn: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while conn.recv(65_536):
                time.sleep(0.01)

    def talk(conn: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client hung up, as the tests want
            conn.settimeout(5)
            with tls.wrap_socket(conn, server_side=True) if tls else conn as sock:
                while request := read_request(sock):
                    server.requests.append(request)
                    script(sock)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        for sock in sockets:
            with contextlib.suppress(OSError):  # it is closed already
                sock.shutdown(socket.SHUT_RDWR)
        for thread in [acceptor, *threads]:
            thread.join(timeout=6)
        for sock in sockets:
            sock.close()


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
        body += sock.recv(65536)
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


def dribble(first: bytes, piece: bytes, *, every_s: float = 0.05) -> Script:
    """Send the first bytes, then a piece again and again until the client hangs up (or for 5 s)."""

    def script(sock: socket.socket) -> None:
        sock.sendall(first)
        for _ in range(100):
            time.sleep(every_s)
            sock.sendall(piece)

    return script
