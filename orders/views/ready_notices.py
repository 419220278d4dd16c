"""What a person can do about a store that was not told that an order can be picked up."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.errors import OrderError
from orders.models import ReadyNotice
from orders.services import ready_notices


@require_POST
@role_required(Role.MANAGER)
def ready_notice_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _of(request, public_id)
    try:
        fresh = ready_notices.retry(notice_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Telling {fresh.connection.name} again.")
    return redirect("orders:detail", row.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def ready_notice_settle(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _of(request, public_id)
    try:
        ready_notices.settle(notice_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Noted: it is ready for pickup in {row.connection.name}.")
    return redirect("orders:detail", row.order.public_id)


def _of(request: MerchantRequest, public_id: str) -> ReadyNotice:
    rows = ReadyNotice.objects.of(request.merchant).select_related("connection", "order")
    return get_object_or_404(rows, public_id=public_id)
