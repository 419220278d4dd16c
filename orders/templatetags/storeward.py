"""How amounts, states and small charts are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.enums import Headline, PushStatus
from orders.money import money
from orders.services.mails import safe_url

register = template.Library()

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
_PAYMENT_TONES = {"captured": "ok-text", "failed": "bad-text", "refunded": "muted", "voided": "muted", "none": "muted"}


register.simple_tag(money)


@register.filter
def headline_tone(headline: str) -> str:
    return _HEADLINE_TONES.get(Headline(headline), "")


@register.filter
def push_icon(status: str) -> str:
    return _PUSH_LOOKS[PushStatus(status)][0]


@register.filter
def push_tone(status: str) -> str:
    return _PUSH_LOOKS[PushStatus(status)][1]


@register.filter
def payment_tone(status: str) -> str:
    return _PAYMENT_TONES.get(status, "muted")


@register.filter
def link_or_nothing(url: str) -> str:
    """The address when a person may follow it: http or https alone."""
    return safe_url(url)


@register.filter
def time_left(until: datetime) -> str:
    """In words: "3 days", "5 h", "20 min", "over"."""
    left = until - timezone.now()
    if left <= timedelta(0):
        return "over"
    if left >= timedelta(days=2):
        return f"{left.days} days"
    if left >= timedelta(hours=1):
        return f"{int(left.total_seconds() // 3600)} h"
    return f"{max(int(left.total_seconds() // 60), 1)} min"


@register.filter
def is_soon(until: datetime) -> bool:
    return until - timezone.now() < timedelta(hours=4)


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
def day_bars(days: Sequence[Any]) -> list[dict[str, Any]]:
    """Where each day's two bars stand in a chart of 1000 x 130."""
    top = max((day.auto + day.by_hand for day in days), default=0) or 1
    slot = 1000 / max(len(days), 1)
    bars = []
    for index, day in enumerate(days):
        auto, hand = day.auto / top * 96, day.by_hand / top * 96
        bars.append(
            {
                "day": day.day, "auto": day.auto, "hand": day.by_hand, "x": f"{index * slot + slot * 0.2:.1f}",
                "width": f"{slot * 0.6:.1f}", "middle": f"{index * slot + slot / 2:.1f}",
                "auto_y": f"{106 - auto:.1f}", "auto_h": f"{auto:.1f}",
                "hand_y": f"{106 - auto - hand:.1f}", "hand_h": f"{max(hand - 1.5, 0):.1f}",
            }
        )  # fmt: skip
    return bars


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query with some names changed; None takes one out."""
    values = context["request"].GET.copy()
    for name, value in changes.items():
        values.pop(name, None)
        if value not in (None, ""):
            values[name] = str(value)
    return f"?{values.urlencode()}"
