"""The way into a practice UPS: a token that lives, a body that is one, and answers in UPS' form."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from connectors.practice.carriers import rules
from connectors.practice.carriers.models import Fault, PracticeCarrier

Work = Callable[..., HttpResponse]


def door(work: Work) -> Work:
    """Whoever comes in shows a token that has not run out."""

    @csrf_exempt
    @login_not_required
    @wraps(work)
    def enter(request: HttpRequest, slug: str, **rest: str) -> HttpResponse:
        carrier = get_object_or_404(PracticeCarrier, slug=slug)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        lives = carrier.token_expires_at is not None and carrier.token_expires_at > timezone.now()
        if kind != "Bearer" or not lives or not hmac.compare_digest(token.encode(), carrier.token.encode()):
            return refusal(401, "250002", "Invalid Authentication Information.")
        fault, carrier.next_fault = carrier.next_fault, ""
        if fault:
            carrier.save(update_fields=["next_fault"])
            return _FAULTS[fault]()
        try:
            return work(request, carrier, **rest)
        except rules.Refused as refused:
            return refusal(400, refused.code, str(refused))

    return enter


def read_body(request: HttpRequest, name: str) -> dict[str, Any]:
    try:
        wish = json.loads(request.body)[name]
    except (ValueError, KeyError, TypeError):
        wish = None
    if not isinstance(wish, dict):
        raise rules.Refused("9510100", f"The request must hold {name}.")
    return wish


def success(name: str, more: dict[str, Any]) -> HttpResponse:
    response = {"ResponseStatus": {"Code": "1", "Description": "Success"}}
    return JsonResponse({name: {"Response": response, **more}})


def refusal(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse({"response": {"errors": [{"code": code, "message": message}]}}, status=status)


_FAULTS: Mapping[str, Callable[[], HttpResponse]] = {
    Fault.THROTTLED: lambda: refusal(429, "10429", "Too Many Requests"),
    Fault.BROKEN: lambda: HttpResponse("", status=503),
}
