"""What is answered when something fails that nobody foresaw: 503 while the database is away, else 500."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

RETRY_AFTER_S = 30
_AWAY = (OperationalError, InterfaceError)  # it restarts, cannot be reached, or had to break off


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the error is handled. Asks the database nothing.

    Whether a change was made is not known when the database went away during its commit: both answers say so.
    """
    is_away = isinstance(sys.exc_info()[1], _AWAY)
    answer = _problem(is_away) if request.path.startswith("/api/") else _page(is_away)
    if is_away:
        answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _page(is_away: bool) -> HttpResponse:
    status = 503 if is_away else 500
    return HttpResponse(render_to_string(f"{status}.html"), status=status)


def _problem(is_away: bool) -> JsonResponse:
    if is_away:
        status, title, code = 503, "Service Unavailable", "database_away"
        detail = "The database is away. Send the request again later: with its Idempotency-Key, or after a look at what stands."
    else:
        status, title, code = 500, "Internal Server Error", "internal_error"
        detail = "Something went wrong on our side. It has been written down."
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")
