"""When a merchant works, and the deadlines that follow from it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from accounts.models import Merchant
from orders.business_time import WEEKDAYS, Calendar, always, read_spans
from orders.due import LastResort
from orders.models.order import Channel

MOST_DAYS = 60
MOST_MINUTES = 720 * 60


def nine_to_five() -> dict[str, str]:
    return {day: "" if day in WEEKDAYS[5:] else "09:00-17:00" for day in WEEKDAYS}


def two_hours() -> list[int]:
    return [120]


class BusinessHoursQuerySet(models.QuerySet["BusinessHours"]):
    def of(self, merchant: Merchant) -> BusinessHoursQuerySet:
        return self.filter(merchant=merchant)

    def for_channel(self, channel: Channel | int) -> BusinessHoursQuerySet:
        """With `ships_within`: the business days that orders of this channel have."""
        own = ShipWithin.objects.filter(merchant=models.OuterRef("merchant"), channel=channel).values("days")
        days = Coalesce(models.Subquery(own), models.F("ship_within_days"), Value(None))
        return self.annotate(ships_within=days)


BusinessHoursManager = models.Manager.from_queryset(BusinessHoursQuerySet)


class BusinessHours(models.Model):
    """A merchant's opening hours and deadlines. Without a row, deadlines run around the clock, as merchants begin."""

    merchant = models.OneToOneField(Merchant, on_delete=models.CASCADE, related_name="business_hours")
    week = models.JSONField(default=nine_to_five)  # {"monday": "09:00-12:30, 13:30-17:00", "sunday": ""}
    closed_days = models.JSONField(default=list, blank=True)  # ISO dates
    confirm_in_business_time = models.BooleanField(default=True)  # the merchant's hours to confirm are open hours
    ship_within_days = models.PositiveSmallIntegerField(null=True, blank=True)  # business days; None: no ship-by
    remind_at_half = models.BooleanField(default=True)
    remind_before = models.JSONField(default=two_hours, blank=True)  # minutes of open time before the end
    last_resort = models.CharField(max_length=8, choices=LastResort, default=LastResort.ASK)
    last_resort_before = models.PositiveIntegerField(default=60)  # minutes of open time before the end

    objects = BusinessHoursManager()

    class Meta:
        verbose_name_plural = "business hours"
        constraints = [
            models.CheckConstraint(
                condition=Q(ship_within_days=None) | Q(ship_within_days__gte=1, ship_within_days__lte=MOST_DAYS),
                name="business_hours_ship_within_1_to_60_days",
            ),
            models.CheckConstraint(
                condition=Q(last_resort__in=LastResort.values), name="business_hours_last_resort_known"
            ),
            models.CheckConstraint(
                condition=Q(last_resort_before__gte=1, last_resort_before__lte=MOST_MINUTES),
                name="business_hours_last_resort_before_1_minute_to_720_hours",
            ),
        ]

    def __str__(self) -> str:
        return f"Opening hours of {self.merchant}"

    @property
    def calendar(self) -> Calendar:
        week = tuple(self.week.get(day, "") for day in WEEKDAYS)
        return _calendar(self.merchant.time_zone, week, tuple(self.closed_days))


class ShipWithin(models.Model):
    """What one channel promises its customers, instead of what the merchant does."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="ship_within")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="ship_within")
    days = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name_plural = "ship within"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "channel"], name="ship_within_once_per_channel"),
            models.CheckConstraint(condition=Q(days__gte=1, days__lte=MOST_DAYS), name="ship_within_1_to_60_days"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.days} business days"


@lru_cache(maxsize=256)
def _calendar(zone: str, week: tuple[str, ...], closed_days: tuple[str, ...]) -> Calendar:
    """Around the clock when nothing is open at all: such hours would never let a deadline come.

    Kept, since every order of the merchant reckons with the same days.
    """
    spans = tuple(read_spans(day) for day in week)
    if not any(spans):
        return always(ZoneInfo(zone))
    return Calendar(ZoneInfo(zone), spans, frozenset(date.fromisoformat(day) for day in closed_days))
