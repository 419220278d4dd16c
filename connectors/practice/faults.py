"""The faults of the dials, before a request is looked at and after it was carried out."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.http import HttpResponse

from connectors.practice import dials, platforms
from connectors.practice.models import PracticeShop

_IN_THE_PLATFORMS_WORDS = (
    *("too_many", "dead_token", "frozen", "denied", "locked", "suspected"),
    *("maintenance", "database_down"),
)


def before(shop: PracticeShop) -> HttpResponse | None:
    """An answer in place of the real one; nothing has been done."""
    time.sleep(dials.take(shop, "slow") or 0)
    if dials.take(shop, "down") is not None:
        return HttpResponse("Bad Gateway", status=502, content_type="text/plain")
    for dial in _IN_THE_PLATFORMS_WORDS:
        seconds = dials.take(shop, dial)
        if seconds is not None:
            return platforms.of(shop).refusal(dial, seconds)
    if dials.take(shop, "html") is not None:
        return HttpResponse("<!doctype html><title>Something is wrong</title>", content_type="text/html")
    return None


def after(shop: PracticeShop, answer: HttpResponse, *, creates: bool) -> HttpResponse:
    """The answer as it leaves: lost or too late when an order was created, or torn."""
    if creates and dials.take(shop, "lost_answer") is not None:
        return HttpResponse("Internal Server Error", status=500, content_type="text/plain")
    if creates:
        time.sleep(dials.take(shop, "hang") or 0)
    if dials.take(shop, "torn") is not None:
        return _torn(answer.content, answer.headers)
    return answer


def _torn(content: bytes, headers: Mapping[str, str]) -> HttpResponse:
    return HttpResponse(content[: len(content) // 2], content_type=headers["Content-Type"])
