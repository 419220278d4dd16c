"""A merchant's browser at a portal and a platform that are both served by the live server."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client


class Browser:
    """Signed in at the portal. It goes wherever it is sent, without the network."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.at = ""

    def leave_for(self, path: str, posted: dict[str, str]) -> HttpResponse:
        """Begin at the portal; afterwards the browser is on the platform's page."""
        response = self._client.post(path, posted)
        self.at = response.context["url"] if "url" in (response.context or {}) else ""
        return response

    def look(self) -> HttpResponse:
        return self._client.get(_path(self.at))

    def answer(self, **pressed: str) -> str:
        """Press a button on the platform's page. Where the browser is sent to."""
        self.at = self._client.post(_path(self.at), pressed)["Location"]
        return self.at

    def come_back(self, url: str = "") -> HttpResponse:
        """Open the portal's address that the platform gave."""
        return self._client.get(_path(url or self.at))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
