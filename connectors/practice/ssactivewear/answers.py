"""Answers in the supplier's shapes: rows, and the refusals that its documentation and its clients show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse, JsonResponse

NOT_FOUND = "Requested item(s) were not found or have been discontinued."

Error = Mapping[str, str]  # {"field", "message"}


def rows(found: Sequence[Any]) -> HttpResponse:
    return JsonResponse(list(found), safe=False)


def not_found(field: str = "Identifier") -> HttpResponse:
    return JsonResponse({"errors": [{"field": field, "message": NOT_FOUND}]}, status=404)


def refused(errors: Sequence[Error]) -> HttpResponse:
    body = {"code": "400", "message": "The request is invalid.", "errors": list(errors)}
    return JsonResponse(body, status=400)


def unreadable() -> HttpResponse:
    """Documented under POST Orders: JSON that cannot be read is "404 Bad Request"."""
    return JsonResponse({"message": "Bad Request"}, status=404, reason="Bad Request")


def unauthorized() -> HttpResponse:
    return JsonResponse({"message": "Authorization has been denied for this request."}, status=401)


def too_many() -> HttpResponse:
    return JsonResponse({"message": "API calls quota exceeded! Maximum admitted 60 per 1m."}, status=429)


def not_json() -> HttpResponse:
    text = "The request entity's media type is not supported for this resource."
    return JsonResponse({"message": text}, status=415)
