"""The Order Manager's list."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required
from accounts.http import MerchantRequest
from connectors.models import Connection
from orders import queries
from orders.enums import PaymentStatus
from orders.views.htmx import wants_partial


@require_GET
@merchant_required
@vary_on_headers("HX-Request")  # or a cache hands the bare rows to the back button
def order_list(request: MerchantRequest) -> HttpResponse:
    at = timezone.now()
    wanted = queries.Wanted.from_query(request.GET.dict())
    context: dict[str, Any] = {
        "wanted": wanted,
        "page": queries.order_page(request.merchant, wanted, at=at),
    }
    if wants_partial(request):
        return render(request, "orders/_partials/order_table.html", context)
    counts = queries.tab_counts(request.merchant)
    context |= {
        "tabs": [(tab, counts[tab.key]) for tab in queries.TABS],
        "destinations": Connection.objects.of(request.merchant).standing().order_by("name", "pk"),
        "payments": PaymentStatus.choices,
        "periods": queries.PERIODS,
    }
    if not (wanted.cursor or wanted.is_narrowed):
        days = queries.days_of(request.merchant, at=at)
        context |= {"days": days, "kpis": queries.kpis(request.merchant, counts, days, at=at)}
    return render(request, "orders/order_list.html", context)
