"""The notes of an order: objects of their own there, told apart by their words."""

from __future__ import annotations

import html
from collections.abc import Iterable

from connectors.woocommerce import reading
from connectors.woocommerce.client import WooClient


def write_missing(client: WooClient, remote_id: str, texts: Iterable[str]) -> None:
    """Each text that stands there in no note yet."""
    answer = client.get(f"orders/{remote_id}/notes", operation="notes")
    with reading.shaped():
        there = {_plain(note["note"]) for note in answer}
    for text in texts:
        if _plain(text) not in there:
            body = {"note": text, "customer_note": False}
            client.post(f"orders/{remote_id}/notes", body, operation="note_create")


def _plain(text: str) -> str:
    """A note's words, however their markup came back."""
    return " ".join(html.unescape(text).split())
