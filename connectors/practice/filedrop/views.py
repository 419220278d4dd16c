"""The tracking file that the supplier's office sends back."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from connectors.practice.filedrop import inbox
from connectors.practice.models import PracticeShop


@login_not_required
@require_GET
def tracking(request: HttpRequest, slug: str) -> HttpResponse:
    shop = get_object_or_404(PracticeShop, platform="filedrop", slug=slug)
    answer = HttpResponse(inbox.tracking(shop), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="tracking-{shop.slug}.csv"'
    return answer
