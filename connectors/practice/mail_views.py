"""The practice mailbox: every e-mail that the portal sent in a try-out."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from connectors.practice.models import PracticeMail

PAGE = 50
# A mail brings its own styles; nothing in it may run, load or send anything.
MAIL_CSP: dict[str, Any] = {
    "default-src": ["'none'"],
    "img-src": ["data:"],
    "style-src": ["'unsafe-inline'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups"],
}


@login_not_required
@require_GET
def mailbox(request: HttpRequest) -> HttpResponse:
    page = Paginator(PracticeMail.objects.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "practice/mailbox.html", {"page": page})


@login_not_required
@require_GET
def mail(request: HttpRequest, mail_id: int) -> HttpResponse:
    return render(request, "practice/mail.html", {"mail": get_object_or_404(PracticeMail, pk=mail_id)})


@login_not_required
@require_GET
@xframe_options_sameorigin
@csp_replace(MAIL_CSP)  # type: ignore[arg-type]  # its types know views without arguments only
def mail_html(request: HttpRequest, mail_id: int) -> HttpResponse:
    return HttpResponse(get_object_or_404(PracticeMail, pk=mail_id).html)
