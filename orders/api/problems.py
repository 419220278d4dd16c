"""Every refusal of the API as application/problem+json (RFC 9457): a code, a sentence, and the fields concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from orders.errors import (
    ChangedMeanwhile,
    DocumentsRefused,
    FieldsRefused,
    InvalidOrder,
    OrderBlocked,
    OrderError,
)

CONTENT_TYPE = "application/problem+json"


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None lets Django answer 500 and log it."""
    set_rollback()
    match error:
        case FieldsRefused() | InvalidOrder() | DocumentsRefused():
            fields = [{"field": p.field, "code": p.code, "message": p.message} for p in error.problems]
            what = error.code.removeprefix("invalid_").removesuffix("_refused")
            are = "are" if what.endswith("s") else "is"
            return problem(422, error.code, f"The {what} {are} refused: see `errors`.", errors=fields)
        case OrderError():
            return problem(409, error.code, str(error), **_details(error))
        case RequestDataTooBig():
            return problem(413, "body_too_large", "The body is larger than 2 MB.")
        case Http404():
            return problem(404, "not_found", "There is nothing here.")
        case PermissionDenied():
            return problem(403, "permission_denied", "This is not allowed.")
        case exceptions.APIException():
            return _of_framework(error)
    return None


def problem(status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """One problem document."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return Response({**body, **more}, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def not_found(request: HttpRequest) -> JsonResponse:
    """For addresses below /api/ that do not exist."""
    body = {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "There is nothing here.",
    }
    return JsonResponse(body, status=404, content_type=CONTENT_TYPE)


def _details(error: OrderError) -> dict[str, Any]:
    """What a refusal tells besides its sentence."""
    match error:
        case OrderBlocked():
            return {"blockers": [blocker.as_json() for blocker in error.blockers]}
        case ChangedMeanwhile():
            now = error.theirs.items()
            return {"errors": [{"field": k, "code": error.code, "message": f"This is “{v}” now."} for k, v in now]}
    return {}


def _of_framework(error: exceptions.APIException) -> Response:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, exceptions.ValidationError):
        return problem(
            400, "invalid", "The request is refused: see `errors`.", errors=_fields(error.detail), headers=headers
        )
    code = error.get_codes()
    return problem(error.status_code, code if isinstance(code, str) else "error", str(error.detail), headers=headers)


def _fields(detail: Any, field: str = "") -> list[dict[str, str]]:
    """One error each, by paths like those of the services: "rules[0].value"."""
    if isinstance(detail, Mapping):
        return [item for name, inner in detail.items() for item in _fields(inner, _below(field, name))]
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        return [item for inner in detail for item in _fields(inner, field)]
    return [{"field": field, "code": getattr(detail, "code", "invalid"), "message": str(detail)}]


def _below(field: str, name: object) -> str:
    return f"{field}[{name}]" if isinstance(name, int) else f"{field}.{name}".strip(".")
