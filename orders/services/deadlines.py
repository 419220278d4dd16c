"""By when an order is to be accepted and shipped, and when its merchant is reminded, in the merchant's opening hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts.formed import Read
from accounts.models import Merchant
from orders import business_time
from orders.due import NO_DEADLINE, LastResort
from orders.models import BusinessHours, Channel, Order, Payment
from orders.services import history
from orders.services.new_order import NewOrder


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The columns of a new order that say by when."""

    confirm_by: datetime
    authorized_until: datetime | None
    ship_by: datetime | None
    wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens on the way to a deadline. `resort_at` is None when an order is simply asked about until it ends."""

    reminders: tuple[datetime, ...]
    resort_at: datetime | None

    def after(self, at: datetime) -> datetime | None:
        """The next moment at which something is to be done."""
        moments = [*self.reminders, *([self.resort_at] if self.resort_at else [])]
        return min((moment for moment in moments if moment > at), default=None)


def of_new(new: NewOrder, merchant: Merchant, channel: Channel, *, at: datetime) -> Deadlines:
    """One statement. What the channel gives as `ship_by` counts before what the merchant has set."""
    hours = next(iter(_hours([merchant.pk], channel.pk)), None)
    if hours is not None:
        hours.merchant = merchant  # read already
    authorized_until = new.payment.expires_at if new.payment else None
    until = NO_DEADLINE
    if not channel.connection_id:
        until = _earliest(_limit(new.placed_at, merchant, hours), authorized_until)
    days = getattr(hours, "ships_within", None)
    ship_by = new.ship_by
    if ship_by is None and hours is not None and days:
        ship_by = business_time.closing_after(hours.calendar, new.placed_at, days)
    wake_at = (
        None
        if hours is None or until == NO_DEADLINE
        else next_wake(plan(hours, start=at, end=until, resort=True), end=until, at=at)
    )
    return Deadlines(until, authorized_until, ship_by, wake_at)


_hours: Read[BusinessHours] = Read(
    lambda keys, of: BusinessHours.objects.filter(merchant__in=keys).for_channel(of), of=True
)


def follow_authorization(order: Order, payment: Payment, *, until: datetime | None, at: datetime) -> None:
    """Take over until when a locked order's money can be taken, and by when it is to be confirmed with that.

    None: it was taken.

    The merchant's limit stays that of the order's arrival. What watches the order looks at it again at once.
    """
    limit, known = order.confirm_by, payment.expires_at
    if known is not None and limit == known - settings.CONFIRM_MARGIN:  # the old end had cut it
        limit = _limit(order.placed_at, order.merchant, BusinessHours.objects.of(order.merchant).first())
    payment.expires_at = order.authorized_until = until
    payment.save(update_fields=["expires_at"])
    before, order.confirm_by = order.confirm_by, _earliest(limit, until)
    if order.wake_at is not None:
        order.wake_at = at
    order.save(update_fields=["authorized_until", "confirm_by", "wake_at"])
    if order.confirm_by != before:
        why = f"the customer's card allows the payment until {_told(until, order)}" if until else "it is paid"
        text = f"To be confirmed by {_told(order.confirm_by, order)}: {why}."
        history.note(order, kind="order.deadline_moved", text=text, by=history.STOREWARD, at=at)


def _told(moment: datetime, order: Order) -> str:
    return f"{moment.astimezone(order.merchant.zone):%A %d %B, %H:%M}"


def _limit(placed_at: datetime, merchant: Merchant, hours: BusinessHours | None) -> datetime:
    """The merchant's own limit, in opening hours if it says so."""
    allowed = timedelta(hours=merchant.confirm_within_hours)
    if hours is not None and hours.confirm_in_business_time:
        hours.merchant = merchant  # read already
        return business_time.add(hours.calendar, placed_at, allowed)
    return placed_at + allowed


def _earliest(limit: datetime, until: datetime | None) -> datetime:
    """By when to confirm: the limit, or earlier when the authorization, less a margin to capture in, ends before."""
    return limit if until is None else min(limit, until - settings.CONFIRM_MARGIN)


def plan(hours: BusinessHours, *, start: datetime, end: datetime, resort: bool) -> Plan:
    """Distances count in opening hours; around the clock when there are none between `start` and `end`.

    A reminder that would come at the very start is left out; the last resort is not.
    """
    calendar = hours.calendar
    if not business_time.between(calendar, start, end):
        calendar = business_time.always(hours.merchant.zone)
    whole = business_time.between(calendar, start, end)
    if not whole:
        return Plan((), None)
    gone = [whole - timedelta(minutes=minutes) for minutes in hours.remind_before]
    gone += [whole / 2] if hours.remind_at_half else []
    reminders = sorted(business_time.add(calendar, start, part) for part in gone if part > timedelta(0))
    resort_at = None
    if resort and hours.last_resort != LastResort.ASK:
        part = max(whole - timedelta(minutes=hours.last_resort_before), timedelta(0))
        resort_at = business_time.add(calendar, start, part)
    return Plan(tuple(reminders), resort_at)


def next_wake(found: Plan, *, end: datetime, at: datetime) -> datetime:
    """The plan's next moment; the end itself when there is none, so that the order stays one that is watched."""
    return min(found.after(at) or end, end)


def sample(hours: BusinessHours, *, at: datetime) -> tuple[datetime, datetime | None]:
    """By when an order that is placed now would have to be accepted, before any authorization ends, and shipped."""
    allowed = timedelta(hours=hours.merchant.confirm_within_hours)
    calendar = hours.calendar
    until = business_time.add(calendar, at, allowed) if hours.confirm_in_business_time else at + allowed
    days = hours.ship_within_days
    return until, business_time.closing_after(calendar, at, days) if days else None
