"""What a person can do about a store that was not told what was sent."""

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
from orders.models import WriteBack
from orders.services import write_backs


@require_POST
@role_required(Role.MANAGER)
def write_back_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _of(request, public_id)
    try:
        write_backs.retry(write_back_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Telling {row.connection.name} again; it is looked there first.")
    return redirect("orders:detail", row.fulfillment.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def write_back_settle(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _of(request, public_id)
    try:
        taken_back = row.is_taken_back
        write_backs.settle(write_back_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Noted: it is {'taken back' if taken_back else 'marked'} in {row.connection.name}.")
    return redirect("orders:detail", row.fulfillment.order.public_id)


def _of(request: MerchantRequest, public_id: str) -> WriteBack:
    rows = WriteBack.objects.of(request.merchant).select_related("connection", "fulfillment__order")
    return get_object_or_404(rows, public_id=public_id)
