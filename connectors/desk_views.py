"""What a person does for a supplier by e-mail: upload tracking, and settle what nobody knows."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors import registry
from connectors.filedrop.tracking import MAX_BYTES, TrackingFileError
from connectors.models import Connection, PurchaseOrder
from connectors.services import desk


@require_POST
@role_required(Role.MANAGER)
def tracking_upload(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, "Choose a file first.")
        return _back(public_id)
    try:
        count = desk.take_tracking(
            connection_id=connection.pk,
            body=file.read(MAX_BYTES + 1),
            by=request.user.get_username(),
            at=timezone.now(),
        )
    except TrackingFileError as error:
        messages.error(request, f"Nothing was taken from the file. {error}")
    else:
        told = (
            f"{count} order{'' if count == 1 else 's'} changed; customers are told."
            if count
            else "Nothing in it is new."
        )
        messages.success(request, f"The file is read. {told}")
    return _back(public_id)


@require_POST
@role_required(Role.MANAGER)
def purchase_settle(request: MerchantRequest, public_id: str, order_id: int) -> HttpResponse:
    connection = _get(request, public_id)
    row = get_object_or_404(PurchaseOrder, connection=connection, pk=order_id)
    arrived = request.POST.get("arrived") == "yes"
    try:
        desk.settle(order_id=row.pk, arrived=arrived, by=request.user.get_username(), at=timezone.now())
    except desk.SettledAlready as error:
        messages.error(request, str(error))
    else:
        then = "is taken over" if arrived else "is sent again under the same number"
        messages.success(request, f"Noted. Retry it on the order's page: PO {row.reference} {then}.")
    return _back(public_id)


def _get(request: MerchantRequest, public_id: str) -> Connection:
    connection = get_object_or_404(Connection.objects.of(request.merchant).standing().own(), public_id=public_id)
    if not registry.connector_class(connection.platform).capabilities.desk:
        raise Http404
    return connection


def _back(public_id: str) -> HttpResponse:
    return redirect("connectors:detail", public_id)
