"""The API's words about auto-accept rules, opening hours and deadlines."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connectors.money import plain
from orders.accepting import ArrivedIn, CustomerKind, Listed, SkuMatch, Verdict
from orders.business_time import WEEKDAYS
from orders.due import LastResort
from orders.models import AcceptDecision, AcceptRule, BusinessHours, Channel
from orders.models.business_hours import MOST_DAYS, MOST_MINUTES
from orders.services import acceptance, backtest
from orders.services.accept_rules import LISTED_MOST, SKU_MOST
from orders.services.opening_hours import MOST_CLOSED, MOST_REMINDERS

RULE_EXAMPLE = {
    "verdict": "accept",
    "total_to": "500.00",
    "customer": "known",
    "listed": "in",
    "countries": ["NZ", "AU"],
    "arrived_in": "open",
}
HOURS_EXAMPLE = {
    "week": dict.fromkeys(WEEKDAYS[:5], "09:00-12:30, 13:30-17:00") | dict.fromkeys(WEEKDAYS[5:], ""),
    "closed_days": ["2026-12-25"],
    "confirm_in_business_time": True,
    "ship_within_days": 2,
    "channels": [],
    "remind_at_half": True,
    "remind_before": [120],
    "last_resort": "accept",
    "last_resort_before": 60,
}


class TrailSerializer(serializers.Serializer):  # type: ignore[type-arg]
    rule = serializers.IntegerField(help_text="Its place when it was asked, from 1.")
    failed = serializers.CharField()


class AcceptDecisionSerializer(serializers.ModelSerializer[AcceptDecision]):
    """What the rules said of the order, last; in shadow mode nothing was done about it."""

    verdict = serializers.ChoiceField(choices=Verdict.choices)
    trail = TrailSerializer(many=True)

    class Meta:
        model = AcceptDecision
        fields = ("at", "verdict", "shadow", "text", "trail")


class OrderSourceSerializer(serializers.ModelSerializer[Channel]):
    class Meta:
        model = Channel
        fields = ("id", "name")


class NewAcceptRuleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A condition that is left out holds for every order; all that are given must hold."""

    verdict = serializers.ChoiceField(choices=Verdict.choices)
    total_from = serializers.DecimalField(max_digits=16, decimal_places=4, allow_null=True, default=None)
    total_to = serializers.DecimalField(max_digits=16, decimal_places=4, allow_null=True, default=None)
    customer = serializers.ChoiceField(choices=CustomerKind.choices, default="", allow_blank=True)
    ready = serializers.BooleanField(default=False, help_text="Every line is linked and in stock at its destination.")
    listed = serializers.ChoiceField(choices=Listed.choices, default="", allow_blank=True)
    countries = serializers.ListField(
        child=serializers.CharField(max_length=2), max_length=LISTED_MOST, default=list, help_text="ISO 3166-1."
    )
    channel = serializers.IntegerField(allow_null=True, default=None, help_text="A channel's `id`.")
    sku_match = serializers.ChoiceField(choices=SkuMatch.choices, default="", allow_blank=True)
    skus = serializers.ListField(
        child=serializers.CharField(max_length=SKU_MOST), max_length=LISTED_MOST, default=list, help_text="Beginnings."
    )
    arrived_in = serializers.ChoiceField(choices=ArrivedIn.choices, default="", allow_blank=True)
    position = serializers.IntegerField(
        required=False,
        min_value=0,
        help_text="From 0; without it a new rule stands last, and another stays in its place.",
    )


class AcceptRuleSerializer(serializers.ModelSerializer[AcceptRule]):
    id = serializers.CharField(source="public_id")
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    words = serializers.SerializerMethodField()
    total_from = serializers.SerializerMethodField()
    total_to = serializers.SerializerMethodField()
    customer = serializers.ChoiceField(choices=CustomerKind.choices)
    listed = serializers.ChoiceField(choices=Listed.choices)
    countries = serializers.ListField(child=serializers.CharField())
    channel = serializers.IntegerField(source="channel_id", allow_null=True)
    sku_match = serializers.ChoiceField(choices=SkuMatch.choices)
    skus = serializers.ListField(child=serializers.CharField())
    arrived_in = serializers.ChoiceField(choices=ArrivedIn.choices)

    class Meta:
        model = AcceptRule
        fields = (
            "id", "position", "verdict", "words", "currency", "total_from", "total_to", "customer", "ready", "listed",
            "countries", "channel", "sku_match", "skus", "arrived_in",
        )  # fmt: skip

    def get_words(self, rule: AcceptRule) -> str:
        return acceptance.describe(rule)

    def get_total_from(self, rule: AcceptRule) -> str | None:
        return None if rule.total_from is None else plain(rule.total_from, rule.currency)

    def get_total_to(self, rule: AcceptRule) -> str | None:
        return None if rule.total_to is None else plain(rule.total_to, rule.currency)


class NewAcceptSettingsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    default = serializers.BooleanField(help_text="Whether an order is accepted when no rule holds.")
    shadow = serializers.BooleanField(help_text="The rules decide nothing, and say what they would have done.")


class AcceptSettingsSerializer(NewAcceptSettingsSerializer):
    rules = AcceptRuleSerializer(many=True)
    channels = OrderSourceSerializer(many=True, help_text="Where orders come from, for the rules.")


class RuleCountSerializer(serializers.Serializer):  # type: ignore[type-arg]
    number = serializers.IntegerField(allow_null=True, help_text="From 1; null: no rule held.")
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    words = serializers.CharField()
    orders = serializers.IntegerField()


class AcceptedOrderSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """An order that the rules would have accepted."""

    id = serializers.CharField(source="public_id")
    number = serializers.CharField()
    placed_at = serializers.DateTimeField()
    total = serializers.SerializerMethodField()
    currency = serializers.CharField(source="total.currency")
    rule = serializers.IntegerField(allow_null=True, help_text="Its number, from 1; null: no rule held.")
    ended = serializers.CharField(help_text="cancelled, declined, expired or refunded; empty for all others.")

    def get_total(self, order: backtest.Accepted) -> str:
        return plain(order.total.amount, order.total.currency)


class LookBackSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """`refunded`, `cancelled` and `turned_down` are of the accepted."""

    looked_at = serializers.IntegerField()
    is_capped = serializers.BooleanField()
    accepted = serializers.IntegerField()
    asked = serializers.IntegerField()
    refunded = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    turned_down = serializers.IntegerField()
    asked_and_confirmed = serializers.IntegerField()
    assumed = serializers.IntegerField(
        help_text="Accepted by a rule about stock and links, which are not known any more."
    )
    rules = RuleCountSerializer(many=True)
    not_knowable = serializers.ListField(child=serializers.CharField())


class ShipWithinSerializer(serializers.Serializer):  # type: ignore[type-arg]
    channel = serializers.IntegerField(help_text="A channel's `id`.")
    days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS)


class NewOpeningHoursSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """All of it at once; what is left out takes its default."""

    week = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=100),
        help_text='By day: {"monday": "09:00-12:30, 13:30-17:00"}; empty or left out: closed.',
    )
    closed_days = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=MOST_CLOSED, default=list, help_text="Dates."
    )
    confirm_in_business_time = serializers.BooleanField(default=True)
    ship_within_days = serializers.IntegerField(min_value=1, max_value=MOST_DAYS, allow_null=True, default=None)
    channels = ShipWithinSerializer(many=True, default=list, help_text="Channels with business days of their own.")
    remind_at_half = serializers.BooleanField(default=True)
    remind_before = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST_MINUTES),
        max_length=MOST_REMINDERS,
        default=lambda: [120],
        help_text="Minutes of opening time before the end.",
    )
    last_resort = serializers.ChoiceField(choices=LastResort.choices, default=LastResort.ASK.value)
    last_resort_before = serializers.IntegerField(
        min_value=1, max_value=MOST_MINUTES, default=60, help_text="Minutes of opening time before the end."
    )


class OpeningHoursSerializer(serializers.ModelSerializer[BusinessHours]):
    """`is_set` is false for a merchant that has saved none: its deadlines run around the clock."""

    is_set = serializers.SerializerMethodField()
    week = serializers.DictField(child=serializers.CharField())
    closed_days = serializers.ListField(child=serializers.CharField())
    remind_before = serializers.ListField(child=serializers.IntegerField())
    last_resort = serializers.ChoiceField(choices=LastResort.choices)
    channels = serializers.SerializerMethodField()
    time_zone = serializers.CharField(source="merchant.time_zone")

    class Meta:
        model = BusinessHours
        fields = (
            "is_set", "time_zone", "week", "closed_days", "confirm_in_business_time", "ship_within_days", "channels",
            "remind_at_half", "remind_before", "last_resort", "last_resort_before",
        )  # fmt: skip

    def get_is_set(self, hours: BusinessHours) -> bool:
        return hours.pk is not None

    def get_channels(self, hours: BusinessHours) -> list[dict[str, Any]]:
        rows = hours.merchant.ship_within.order_by("channel_id")
        return [{"channel": row.channel_id, "days": row.days} for row in rows]
