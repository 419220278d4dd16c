"""A merchant's opening hours and deadlines, changed as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from orders.business_time import WEEKDAYS, read_spans, write_spans
from orders.due import LastResort
from orders.enums import OrderStatus
from orders.errors import FieldProblem, InvalidSettings
from orders.models import BusinessHours, Order, ShipWithin
from orders.models.business_hours import MOST_DAYS, MOST_MINUTES
from orders.services import accept_rules

MOST_CLOSED = 400
MOST_REMINDERS = 5


@dataclass(frozen=True, slots=True)
class NewHours:
    week: Mapping[str, str]  # by the names of orders.business_time.WEEKDAYS; a day that is missing is closed
    closed_days: tuple[str, ...] = ()  # ISO dates
    confirm_in_business_time: bool = True
    ship_within_days: int | None = None
    remind_at_half: bool = True
    remind_before: tuple[int, ...] = (120,)  # minutes of open time
    last_resort: str = LastResort.ASK.value
    last_resort_before: int = 60  # minutes of open time


@transaction.atomic
def save(*, merchant_id: int, hours: NewHours, ship_within: Mapping[int, int], by: str, at: datetime) -> BusinessHours:
    """Make these the merchant's; `ship_within` has business days by channel. Raises InvalidSettings.

    Deadlines of orders that are here stay. Reminders and the last resort count for them too, from the next minute on.
    """
    merchant = Merchant.objects.select_for_update().get(pk=merchant_id)
    known = set(accept_rules.channels_of(merchant).values_list("pk", flat=True))
    new, problems = _read(hours)
    problems += [
        FieldProblem(f"channels.{channel_id}", "out_of_range", f"This is 1 to {MOST_DAYS} business days.")
        for channel_id, days in ship_within.items()
        if channel_id not in known or not 1 <= days <= MOST_DAYS
    ]
    if problems:
        raise InvalidSettings(problems)
    values = {**asdict(new), "week": dict(new.week)}
    values |= {"closed_days": list(new.closed_days), "remind_before": list(new.remind_before)}
    row, _ = BusinessHours.objects.update_or_create(merchant=merchant, defaults=values)
    ShipWithin.objects.filter(merchant=merchant).delete()
    ShipWithin.objects.bulk_create(
        ShipWithin(merchant=merchant, channel_id=channel_id, days=days) for channel_id, days in ship_within.items()
    )
    Order.objects.of(merchant).filter(status=OrderStatus.PENDING).update(wake_at=at)
    Order.objects.of(merchant).filter(status=OrderStatus.CONFIRMED, wake_at__isnull=False).update(wake_at=at)
    audit.record(
        merchant=merchant, kind="opening_hours.saved", subject=merchant.name, by=by, at=at, **values,
        ship_within={str(channel_id): days for channel_id, days in ship_within.items()},
    )  # fmt: skip
    return row


def of(merchant: Merchant) -> BusinessHours:
    """The merchant's; not saved when there are none yet."""
    hours = BusinessHours.objects.of(merchant).first() or BusinessHours(merchant=merchant)
    hours.merchant = merchant
    return hours


def _read(hours: NewHours) -> tuple[NewHours, list[FieldProblem]]:
    """In the form that is kept, and what is wrong."""
    problems = [
        FieldProblem(f"week.{name}", "unknown_day", "This is no day of the week.")
        for name in hours.week
        if name not in WEEKDAYS
    ]
    week: dict[str, str] = {}
    for name in WEEKDAYS:
        try:
            week[name] = write_spans(read_spans(hours.week.get(name, "")))
        except ValueError as error:
            problems.append(FieldProblem(f"week.{name}", "bad_hours", str(error)))
    if not problems and not any(week.values()):
        problems.append(FieldProblem("week.monday", "never_open", "Name the opening hours of at least one day."))
    problems += [*_date_problems(hours.closed_days), *_number_problems(hours)]
    if hours.last_resort not in LastResort.values:
        problems.append(FieldProblem("last_resort", "unknown_value", "This is not one of the choices."))
    kept = NewHours(
        week=week,
        closed_days=tuple(sorted(set(hours.closed_days))),
        confirm_in_business_time=hours.confirm_in_business_time,
        ship_within_days=hours.ship_within_days,
        remind_at_half=hours.remind_at_half,
        remind_before=tuple(sorted(set(hours.remind_before), reverse=True)),
        last_resort=hours.last_resort,
        last_resort_before=hours.last_resort_before,
    )
    return kept, problems


def _date_problems(days: tuple[str, ...]) -> Iterable[FieldProblem]:
    for day in days:
        try:
            same = date.fromisoformat(day).isoformat() == day
        except ValueError:
            same = False
        if not same:
            yield FieldProblem("closed_days", "not_a_date", f"“{day[:40]}” is no date, as 2026-12-25.")
            return
    if len(days) > MOST_CLOSED:
        yield FieldProblem("closed_days", "too_many", f"{MOST_CLOSED} days at the most.")


def _number_problems(hours: NewHours) -> Iterable[FieldProblem]:
    if hours.ship_within_days is not None and not 1 <= hours.ship_within_days <= MOST_DAYS:
        yield FieldProblem("ship_within_days", "out_of_range", f"This is 1 to {MOST_DAYS} business days.")
    if len(hours.remind_before) > MOST_REMINDERS:
        yield FieldProblem("remind_before", "too_many", f"{MOST_REMINDERS} reminders at the most.")
    if any(not 1 <= minutes <= MOST_MINUTES for minutes in hours.remind_before):
        yield FieldProblem("remind_before", "out_of_range", "This is up to 720 hours before the end.")
    if not 1 <= hours.last_resort_before <= MOST_MINUTES:
        yield FieldProblem("last_resort_before", "out_of_range", "This is up to 720 hours before the end.")
