"""The page of a connection's calls."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.decorators import merchant_required
from accounts.http import MerchantRequest
from connectors.models import Connection
from connectors.services import calls


@require_GET
@merchant_required
def call_list(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = get_object_or_404(Connection.objects.of(request.merchant).standing().own(), public_id=public_id)
    wanted = calls.Wanted.from_query(request.GET.dict(), zone=request.merchant.zone)
    context = {
        "connection": connection,
        "wanted": wanted,
        "page": calls.page(connection, wanted),
        "answers": [(key, label) for key, (label, _) in calls.ANSWERS.items()],
    }
    return render(request, "connectors/call_list.html", context)
