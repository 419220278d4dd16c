"""The faults of the dials, before a request is looked at and after it was carried out."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.http import HttpResponse, JsonResponse

from connectors.practice import dials
from connectors.practice.models import PracticeShop

UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"


def before(shop: PracticeShop) -> HttpResponse | None:
    """An answer in place of the real one; nothing has been done."""
    time.sleep(dials.take(shop, "slow") or 0)
    if dials.take(shop, "down") is not None:
        return HttpResponse("Bad Gateway", status=502, content_type="text/plain")
    retry_after_s = dials.take(shop, "too_many")
    if retry_after_s is not None:
        headers = {"Retry-After": f"{retry_after_s}.0"}
        return JsonResponse({"errors": "Exceeded request limit. Reduce request rates."}, status=429, headers=headers)
    if dials.take(shop, "dead_token") is not None:
        return JsonResponse({"errors": UNAUTHORIZED}, status=401)
    if dials.take(shop, "frozen") is not None:
        return JsonResponse({"errors": "Unavailable Shop"}, status=402)
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
