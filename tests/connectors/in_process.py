"""A driver's HTTP client whose requests go to this process's own pages: real bytes both ways, no sockets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from connectors import http
from connectors.http import Answer, HttpClient

ADDRESS = "http://127.0.0.1"


class InProcess(HttpClient):
    """Everything but the exchange itself is HttpClient's."""

    def __init__(self) -> None:
        super().__init__(allow_loopback=True)
        self.sent: list[http.requests.PreparedRequest] = []

    def _exchange(self, prepared: http.requests.PreparedRequest, trace: Any, explained: frozenset[int]) -> Answer:
        self.sent.append(prepared)
        url, headers = urlsplit(prepared.url), dict(prepared.headers)
        kind = headers.pop("Content-Type", "application/octet-stream")
        headers.pop("Content-Length", None)
        response = Client(SERVER_NAME="127.0.0.1").generic(
            prepared.method, f"{url.path}?{url.query}", prepared.body or b"", content_type=kind, headers=headers
        )
        trace.heard(response)
        http._refuse_status(response, trace, explained)
        return http._answer(response, response.content, trace)
