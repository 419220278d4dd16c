"""What is refused before any view sees it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class RefuseNulMiddleware:
    """No address of ours holds a NUL, and PostgreSQL takes none: answered 400 instead of failing in a query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path_info:
            return HttpResponse("This address cannot exist.", status=400, content_type="text/plain")
        return self.get_response(request)
