"""Input of the pages for auto-accept rules, opening hours and deadlines: shapes only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms

from connectors import money
from orders.accepting import ArrivedIn, CustomerKind, Listed, SkuMatch, Verdict
from orders.business_time import WEEKDAYS
from orders.due import LastResort
from orders.errors import InvalidSettings
from orders.models import AcceptRule, BusinessHours, Channel
from orders.models.business_hours import MOST_DAYS
from orders.services.accept_rules import NewRule
from orders.services.opening_hours import NewHours

_BETWEEN = re.compile(r"[,\n]")


class AcceptRuleForm(forms.Form):
    """One rule; what is left as it is holds for every order."""

    total_from = forms.DecimalField(label="Total from", required=False, min_value=0, max_digits=16, decimal_places=4)
    total_to = forms.DecimalField(label="Total to", required=False, min_value=0, max_digits=16, decimal_places=4)
    customer = forms.ChoiceField(label="Customer", required=False, choices=CustomerKind.choices)
    ready = forms.BooleanField(
        label="Every line is linked and in stock",
        required=False,
        help_text="As the stores said when they were asked. Orders that stay in Storeward are asked about nowhere.",
    )
    listed = forms.ChoiceField(label="Ships to", required=False, choices=Listed.choices)
    countries = forms.CharField(
        label="Countries", required=False, max_length=2000, help_text="Codes between commas, as NZ, AU."
    )
    channel = forms.ChoiceField(label="From", required=False)
    sku_match = forms.ChoiceField(label="Products", required=False, choices=SkuMatch.choices)
    skus = forms.CharField(
        label="SKUs", required=False, max_length=5000, help_text="Beginnings between commas, as CHAIR-, LAMP-."
    )
    arrived_in = forms.ChoiceField(label="Arrived", required=False, choices=ArrivedIn.choices)
    verdict = forms.ChoiceField(label="Then", choices=Verdict.choices)

    def __init__(self, data: Any = None, *, channels: Iterable[Channel], currency: str, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        field = self.fields["channel"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as declared above
        field.choices = [("", "Any channel"), *((str(channel.pk), channel.name) for channel in channels)]
        for name in ("total_from", "total_to"):
            self.fields[name].help_text = f"In {currency}, what the customer pays. Empty: no limit."

    @property
    def rule(self) -> NewRule:
        given = self.cleaned_data
        return NewRule(
            verdict=given["verdict"],
            total_from=given["total_from"],
            total_to=given["total_to"],
            customer=given["customer"],
            ready=given["ready"],
            listed=given["listed"],
            countries=_listed(given["countries"]),
            channel_id=int(given["channel"]) if given["channel"] else None,
            sku_match=given["sku_match"],
            skus=_listed(given["skus"]),
            arrived_in=given["arrived_in"],
        )

    @staticmethod
    def initial_of(rule: AcceptRule) -> dict[str, Any]:
        return {
            "verdict": rule.verdict,
            "total_from": _amount(rule.total_from, rule.currency),
            "total_to": _amount(rule.total_to, rule.currency),
            "customer": rule.customer,
            "ready": rule.ready,
            "listed": rule.listed,
            "countries": ", ".join(rule.countries),
            "channel": str(rule.channel_id or ""),
            "sku_match": rule.sku_match,
            "skus": ", ".join(rule.skus),
            "arrived_in": rule.arrived_in,
        }

    def refuse(self, error: InvalidSettings) -> None:
        """Each of the service's problems beside its field."""
        for problem in error.problems:
            self.add_error(problem.field if problem.field in self.fields else None, problem.message)


class AcceptSettingsForm(forms.Form):
    default = forms.BooleanField(
        label="Accept everything else",
        required=False,
        help_text="When no rule holds. This is the Auto-accept switch of the Order Manager; off: each waits for you.",
    )
    shadow = forms.BooleanField(
        label="Shadow mode",
        required=False,
        help_text="The rules decide nothing. Each order says what they would have done; the switch alone counts.",
    )


class OpeningHoursForm(forms.Form):
    """Opening hours and deadlines; distances are given in hours and kept in minutes."""

    closed_days = forms.CharField(
        label="Closed on",
        required=False,
        max_length=6000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Holidays, one date per line, as 2026-12-25.",
    )
    confirm_in_business_time = forms.BooleanField(
        label="Count the hours to confirm in opening hours alone",
        required=False,
        help_text="How many they are stands under Orders. Never later than the card allows.",
    )
    ship_within_days = forms.IntegerField(
        label="Ships within",
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text="Business days after the day of the order. Empty: no promise. A channel may give its own with an order.",
    )
    remind_at_half = forms.BooleanField(label="Remind when half of the time is over", required=False)
    remind_before = forms.CharField(
        label="Remind before the end",
        required=False,
        max_length=60,
        help_text="Opening hours before it, between commas, as 8, 2, 0.5. To the alert addresses.",
    )
    last_resort = forms.ChoiceField(label="When nobody decides", choices=LastResort.choices)
    last_resort_before = forms.DecimalField(
        label="Hours before the end",
        min_value=Decimal("0.1"),
        max_value=720,
        max_digits=5,
        decimal_places=2,
        help_text="Opening hours left when that happens.",
    )

    def __init__(self, data: Any = None, *, channels: Iterable[Channel], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.channels = {f"channel-{channel.pk}": channel for channel in channels}
        for day in WEEKDAYS:
            attrs = {"placeholder": "closed", "autocomplete": "off"}
            self.fields[day] = forms.CharField(
                label=day.capitalize(), required=False, max_length=100, widget=forms.TextInput(attrs=attrs)
            )
        for name, channel in self.channels.items():
            self.fields[name] = forms.IntegerField(
                label=channel.name, required=False, min_value=1, max_value=MOST_DAYS, help_text="Empty: as above."
            )
        self.order_fields([*WEEKDAYS, "closed_days", "confirm_in_business_time", "ship_within_days", *self.channels])

    @property
    def days(self) -> list[forms.BoundField]:
        return [self[day] for day in WEEKDAYS]

    @property
    def rest(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in WEEKDAYS]

    def clean_remind_before(self) -> tuple[int, ...]:
        try:
            return tuple(int(Decimal(text) * 60) for text in _listed(self.cleaned_data["remind_before"]))
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise forms.ValidationError("These are hours between commas, as 8, 2, 0.5.") from error

    @property
    def hours(self) -> NewHours:
        given = self.cleaned_data
        return NewHours(
            week={day: given[day] for day in WEEKDAYS},
            closed_days=_listed(given["closed_days"]),
            confirm_in_business_time=given["confirm_in_business_time"],
            ship_within_days=given["ship_within_days"],
            remind_at_half=given["remind_at_half"],
            remind_before=given["remind_before"],
            last_resort=given["last_resort"],
            last_resort_before=int(given["last_resort_before"] * 60),
        )

    @property
    def ship_within(self) -> dict[int, int]:
        given = {channel.pk: self.cleaned_data[name] for name, channel in self.channels.items()}
        return {channel_id: days for channel_id, days in given.items() if days}

    @staticmethod
    def initial_of(hours: BusinessHours, ship_within: Mapping[int, int]) -> dict[str, Any]:
        return {
            **hours.week,
            "closed_days": "\n".join(hours.closed_days),
            "confirm_in_business_time": hours.confirm_in_business_time,
            "ship_within_days": hours.ship_within_days,
            "remind_at_half": hours.remind_at_half,
            "remind_before": ", ".join(_hours(minutes) for minutes in hours.remind_before),
            "last_resort": hours.last_resort,
            "last_resort_before": _hours(hours.last_resort_before),
            **{f"channel-{channel_id}": days for channel_id, days in ship_within.items()},
        }

    def refuse(self, error: InvalidSettings) -> None:
        """Each of the service's problems beside its field."""
        for problem in error.problems:
            name = problem.field.removeprefix("week.").replace("channels.", "channel-")
            self.add_error(name if name in self.fields else None, problem.message)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in _BETWEEN.split(text))))


def _amount(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else money.plain(amount, currency)


def _hours(minutes: int) -> str:
    return f"{minutes / 60:.2f}".rstrip("0").rstrip(".")
