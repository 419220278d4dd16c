"""How amounts, states and small charts are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, cast

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide

from orders.due import DueKind
from orders.enums import Headline, OrderStatus, PushStatus
from orders.models import Order
from orders.money import money
from orders.services.mails import safe_url

register = template.Library()

SOON = timedelta(hours=4)
SCALE = 28  # of a chart's width, left for the numbers beside it

_HEADLINE_TONES = {
    Headline.NEEDS_CONFIRMATION: "warn",
    Headline.BLOCKED: "bad",
    Headline.PAYMENT_FAILED: "bad",
    Headline.PUSH_FAILED: "bad",
    Headline.WAITING: "warn",
    Headline.SYNCING: "info",
    Headline.AWAITING_FULFILLMENT: "info",
    Headline.PARTLY_FULFILLED: "info",
    Headline.COMPLETED: "ok",
}
_PUSH_LOOKS = {
    PushStatus.WAITING: ("clock", ""),
    PushStatus.QUEUED: ("loader-circle", "info"),
    PushStatus.SENDING: ("loader-circle", "info"),
    PushStatus.UNKNOWN: ("search", "warn"),
    PushStatus.PUSHED: ("check", "ok"),
    PushStatus.HELD: ("triangle-alert", "bad"),
    PushStatus.SKIPPED: ("minus", ""),
    PushStatus.CANCELLED: ("x", ""),
}
_STUCK_PUSHES = {
    Headline.BLOCKED: (PushStatus.HELD,),
    Headline.PAYMENT_FAILED: (PushStatus.WAITING, PushStatus.HELD),
    Headline.PUSH_FAILED: (PushStatus.HELD,),
    Headline.WAITING: (PushStatus.WAITING,),
}
_REFUND_TONES = {"requested": "info", "done": "ok", "failed": "bad", "withdrawn": ""}
_PICKUP_TONES = {"requested": "info", "scheduled": "ok", "failed": "bad", "cancelling": "info", "cancelled": ""}
_LABEL_TONES = {
    "rating": "info", "rated": "info", "buying": "info", "bought": "ok", "refused": "bad", "unsure": "bad",
    "voiding": "info", "voided": "", "withdrawn": "",
}  # fmt: skip
_PAYMENT_TONES = {"captured": "ok-text", "failed": "bad-text", "refunded": "muted", "voided": "muted", "none": "muted"}


@register.simple_tag(takes_context=True, name="money")
def money_here(context: template.Context, amount: Decimal, currency: str) -> str:
    """In the words of whoever reads: a merchant's own dollars need no country, a customer's mail names it."""
    merchant = getattr(context.get("request"), "merchant", None)
    return money(amount, currency, home=merchant.currency if merchant else "")


@register.filter
def headline_tone(headline: str) -> str:
    return _HEADLINE_TONES.get(Headline(headline), "")


@register.filter
@cache
def push_icon(status: str) -> SafeString:
    return icon(_PUSH_LOOKS[PushStatus(status)][0], 14)


@register.simple_tag
@cache
def icon(name: str, size: int) -> SafeString:
    """An icon that stands in every row: drawn once."""
    return cast("SafeString", lucide(name, size=size))


@register.filter(expects_localtime=True)
def moment(at: datetime) -> str:
    """Fri 21 Nov, 09:41"""
    return f"{at:%a} {at.day} {at:%b, %H:%M}"


@register.filter(expects_localtime=True)
def iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


@register.filter
def kilograms(grams: int) -> str:
    """2400 as 2.4, in the unit of the forms."""
    return f"{Decimal(grams) / 1000:f}"


@register.filter
def centimeters(millimeters: int) -> str:
    """405 as 40.5, in the unit of the forms."""
    return f"{Decimal(millimeters) / 10:f}"


@register.filter
def page_of(public_id: str, name: str) -> str:
    """The address of an order's page of this name."""
    return _page(name).replace("@", public_id)


@cache
def _page(name: str) -> str:
    """With a sign where the order's public id belongs."""
    return reverse(f"orders:{name}", args=["@"])


@register.filter
def push_tone(status: str) -> str:
    return _PUSH_LOOKS[PushStatus(status)][1]


@register.filter
def payment_tone(status: str) -> str:
    return _PAYMENT_TONES.get(status, "muted")


@register.filter
def refund_tone(status: str) -> str:
    return _REFUND_TONES[status]


@register.filter
def pickup_tone(status: str) -> str:
    return _PICKUP_TONES[status]


@register.filter
def label_tone(status: str) -> str:
    return _LABEL_TONES[status]


@register.filter
def link_or_nothing(url: str) -> str:
    """The address when a person may follow it: http or https alone."""
    return safe_url(url)


@register.filter
def why_stuck(order: Order) -> str:
    """What keeps the order from going on, in its destinations' words; "" when nothing does. Needs for_list()."""
    headline = Headline(order.headline)
    if order.blockers and headline in (Headline.DRAFT, Headline.BLOCKED):
        return str(order.blockers[0]["message"])
    statuses = _STUCK_PUSHES.get(headline, ())
    return next((push.reason for push in order.pushes.all() if push.status in statuses and push.reason), "")


@register.simple_tag
def due(order: Order) -> SafeString:
    """The order's clock: "Accept within 3 h", "Ship by Tue", "Ship: overdue by 2 h"; nothing when no deadline counts."""
    if order.due_at is None:
        return SafeString("")
    left = order.due_at - timezone.now()
    tone = " bad-text" if left < SOON else ""
    return format_html('<span class="sub{}">{}</span>', tone, _due_words(order, order.due_at, left))


def _due_words(order: Order, at: datetime, left: timedelta) -> str:
    kind = DueKind(order.due_kind)
    is_draft = order.status == OrderStatus.DRAFT and kind == DueKind.ACCEPT
    label = "Complete" if is_draft else kind.label
    if left <= timedelta(0):
        return f"{label}: overdue by {_span(-left)}"
    if kind == DueKind.SHIP and left >= timedelta(days=1):
        return f"Ship by {timezone.localtime(at):%a}" if left < timedelta(days=6) else f"Ship within {_span(left)}"
    return f"{label} within {_span(left)}"


def _span(left: timedelta) -> str:
    """2 days, 5 h, 20 min"""
    if left >= timedelta(days=2):
        return f"{left.days} days"
    if left >= timedelta(hours=1):
        return f"{int(left.total_seconds() // 3600)} h"
    return f"{max(int(left.total_seconds() // 60), 1)} min"


@register.simple_tag
def sparkline(series: Sequence[int], tone: str = "") -> SafeString:
    """A line of the values, with an area below; empty for fewer than two."""
    if len(series) < 2 or not any(series):
        return SafeString("")
    top, width = max(series), 90 / (len(series) - 1)
    points = " ".join(f"{index * width:.1f},{26 - value / top * 24:.1f}" for index, value in enumerate(series))
    return format_html(
        '<svg class="spark {}" viewBox="0 0 90 28" aria-hidden="true"><polygon points="0,28 {} 90,28"/><polyline points="{}"/></svg>',
        tone, points, points,
    )  # fmt: skip


@register.simple_tag
def day_bars(days: Sequence[Any]) -> dict[str, Any]:
    """Where each day's two bars stand in a chart of 1000 x 130, and the two marks of its scale."""
    most = max((day.auto + day.by_hand for day in days), default=0)
    top = max(most + most % 2, 2)  # even, so that half of it is a number of orders too
    slot = (1000 - SCALE) / max(len(days), 1)
    bars = []
    for index, day in enumerate(days):
        auto, hand = day.auto / top * 96, day.by_hand / top * 96
        bars.append(
            {
                "day": day.day, "auto": day.auto, "hand": day.by_hand, "x": f"{SCALE + index * slot + slot * 0.2:.1f}",
                "width": f"{slot * 0.6:.1f}", "middle": f"{SCALE + index * slot + slot / 2:.1f}",
                "auto_y": f"{106 - auto:.1f}", "auto_h": f"{auto:.1f}",
                "hand_y": f"{106 - auto - hand:.1f}", "hand_h": f"{max(hand - 1.5, 0):.1f}",
            }
        )  # fmt: skip
    return {"bars": bars, "top": top, "half": top // 2}


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query with some names changed; None takes one out."""
    values = context["request"].GET.copy()
    for name, value in changes.items():
        values.pop(name, None)
        if value not in (None, ""):
            values[name] = str(value)
    for name in [name for name in values if not any(values.getlist(name))]:
        del values[name]  # a form sends its empty fields too
    return f"?{values.urlencode()}"
