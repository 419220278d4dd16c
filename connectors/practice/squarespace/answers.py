"""How the Commerce APIs refuse: the application in one shape, the gateway before it in another."""

from __future__ import annotations

import secrets
import string
from typing import Any

from django.http import JsonResponse

MISSING, INVALID = "MISSING_ARGUMENT", "INVALID_ARGUMENT"
NO_PERMISSION = "The key lacks the permission for that."


class Refused(Exception):
    """A 4xx of the application, in its words."""

    def __init__(self, message: str, *, subtype: str | None = INVALID, status: int = 400) -> None:
        super().__init__(message)
        self.subtype, self.status = subtype, status


def ok(body: Any, *, status: int = 200) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"x-contextid": context_id()})


def refusal(message: str, *, subtype: str | None = None, status: int = 400, kind: str = "") -> JsonResponse:
    """In the application's shape."""
    context = context_id()
    body = {
        "type": kind or ("AUTHORIZATION_ERROR" if status in (401, 403) else "INVALID_REQUEST_ERROR"),
        "subtype": subtype,
        "message": message,
        "details": None,
        "contextId": context,
    }
    return JsonResponse(body, status=status, headers={"x-contextid": context})


def unauthorized() -> JsonResponse:
    return refusal("You are not authorized to do that.", status=401)


def forbidden() -> JsonResponse:
    return refusal(NO_PERMISSION, status=403)


def too_many() -> JsonResponse:
    """No header tells how long to wait: it is a minute."""
    return refusal("Too many requests.", status=429, kind="RATE_LIMIT_ERROR")


def problem(title: str, detail: str, *, status: int, instance: str) -> JsonResponse:
    """In the gateway's shape."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": instance}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def context_id() -> str:
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(9))
