"""Requests about personal data that stores passed on, for the merchant's owners."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.models import PrivacyRequest
from connectors.models.privacy import PrivacyTopic
from orders.services import privacy

PAGE = 50


@require_GET
@role_required(Role.OWNER)
def privacy_list(request: MerchantRequest) -> HttpResponse:
    rows = PrivacyRequest.objects.filter(connection__merchant=request.merchant).select_related("connection")
    page = Paginator(rows.order_by("-received_at", "-pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "orders/privacy.html", {"page": page, "data_request": PrivacyTopic.DATA_REQUEST})


@never_cache
@require_POST
@role_required(Role.OWNER)
def privacy_export(request: MerchantRequest, public_id: str) -> HttpResponse:
    """A file with all that is held of one customer; each download leaves a line in the audit trail."""
    rows = PrivacyRequest.objects.filter(connection__merchant=request.merchant, topic=PrivacyTopic.DATA_REQUEST)
    asked = get_object_or_404(rows, public_id=public_id)
    held = privacy.export(request_id=asked.pk, by=request.user.get_username(), at=timezone.now())
    name = f"customer-data-{asked.public_id[:8]}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return JsonResponse(held, json_dumps_params={"indent": 2, "ensure_ascii": False}, headers=headers)
