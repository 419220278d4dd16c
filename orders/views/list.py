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
from orders import figures, queries
from orders.enums import ExportStatus, FulfillmentStatus, PaymentStatus
from orders.services import accept_rules, acceptance
from orders.views.htmx import wants_partial


@require_GET
@merchant_required
@vary_on_headers("HX-Request")  # or a cache hands the bare rows to the back button
def order_list(request: MerchantRequest) -> HttpResponse:
    at = timezone.now()
    wanted = queries.Wanted.from_query(request.GET.dict())
    counts = queries.tab_counts(request.merchant, wanted, at=at)
    context: dict[str, Any] = {
        "wanted": wanted,
        "page": queries.order_page(request.merchant, wanted, at=at),
        "tabs": [(tab, counts[tab.key]) for tab in queries.TABS],
    }
    if wants_partial(request):
        return render(request, "orders/_partials/order_rows_and_tabs.html", context)
    connections = list(Connection.objects.of(request.merchant).standing().order_by("name", "pk"))
    context |= {
        "what_happens": acceptance.in_a_sentence(request.merchant),
        "destinations": connections,
        "no_store": not connections,
        "has_store_channel": any(connection.is_channel for connection in connections),
        "payments": PaymentStatus.choices,
        "exports": ExportStatus.choices,
        "fulfillments": FulfillmentStatus.choices,
        "channels": accept_rules.channels_of(request.merchant),
        "gaps": queries.GAPS.items(),
        "periods": queries.PERIODS,
        "dues": queries.DUE.items(),
    }
    if not (wanted.cursor or wanted.is_narrowed):
        shown = figures.of(request.merchant, counts, at=at)
        context |= {"days": shown.days, "kpis": shown.kpis}
    return render(request, "orders/order_list.html", context)
