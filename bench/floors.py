"""The least that could do the same: one query and one plain template, one parse and bare inserts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from orders.models import Channel, Order, OrderLine, Payment

_ROWS = engines["django"].from_string("""
<!doctype html><html><head><title>Orders</title></head><body><table>
<tr><th>Order<th>Customer<th>Status<th>Payment<th>Total</tr>
{% for order in orders %}<tr>
  <td><a href="{% url 'orders:detail' order.public_id %}">{{ order.number }}</a> {{ order.placed_at|date:"D j M, H:i" }}
  <td>{{ order.customer_name|default:"-" }} {{ order.channel.name }}
  <td><span class="badge">{{ order.get_headline_display }}</span>
  <td>{{ order.get_payment_status_display }}
  <td>{{ order.total }} {{ order.currency }}
</tr>{% endfor %}</table></body></html>
""")


def bare_list(request: HttpRequest) -> HttpResponse:
    """Fifty orders by key: what any list of orders has to do."""
    orders = Order.objects.filter(merchant=request.merchant).select_related("channel").order_by("-placed_at", "-pk")
    if "before" in request.GET:
        orders = orders.filter(placed_at__lt=datetime.fromtimestamp(float(request.GET["before"]), UTC))
    return HttpResponse(_ROWS.render({"orders": orders[:50]}))


@csrf_exempt
@login_not_required
def bare_insert(request: HttpRequest) -> HttpResponse:
    """The rows of one order without a single check."""
    body = json.loads(request.body)
    now = timezone.now()
    channel = Channel.objects.get()
    with transaction.atomic():
        order = Order.objects.create(
            merchant_id=channel.marketplace.merchants.values_list("pk", flat=True)[0],
            channel=channel,
            external_id=body["external_id"],
            number=body["number"],
            body_digest="0" * 64,
            status="pending",
            payment_status="authorized",
            placed_at=now,
            received_at=now,
            confirm_by=now,
            currency=body["currency"],
            prices_include_tax=body["prices_include_tax"],
            subtotal=Decimal(body["subtotal"]),
            discount=Decimal(body.get("discount", "0")),
            shipping=Decimal(body.get("shipping", {}).get("amount", "0")),
            tax=Decimal(body["tax"]),
            total=Decimal(body["total"]),
            delivery="ship",
        )
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                position=n,
                external_id=line["id"],
                sku=line["sku"],
                title=line["title"],
                quantity=line["quantity"],
                unit_price=Decimal(line["unit_price"]),
            )
            for n, line in enumerate(body["lines"])
        )
        Payment.objects.create(
            order=order,
            gateway="sandbox",
            reference=body["payment"]["reference"],
            currency=body["currency"],
            status="authorized",
            authorized=Decimal(body["payment"]["amount"]),
            authorized_at=now,
        )
    return JsonResponse({"id": order.public_id}, status=201)


urlpatterns = [
    path("bench/list/", bare_list),
    path("bench/insert/", bare_insert),
    path("", include("config.urls")),
]
