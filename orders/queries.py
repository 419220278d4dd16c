"""What the Order Manager's list reads: tabs, search, filters, pages by key, and how many stand behind each tab."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_

from django.db import connection as database
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, lookups
from django.db.models.functions import Cast

from accounts.models import Merchant
from connectors import times
from connectors.base import BlockerCode
from orders.due import DueKind
from orders.enums import ExportStatus, FulfillmentStatus, Headline, PaymentStatus
from orders.models import Order, OrderPush
from orders.models.export import export_status_is
from orders.services import archiving
from orders.states import ATTENTION

PAGE_SIZE = 50
COUNT_CAP = 1000  # a tab with more says "999+"
ID_DIGITS = 19  # fewer fit into a database's id
NO_ADDRESS = "no_address"
GAPS = {  # what an order may lack, as the filter offers it: a blocker's code, or NO_ADDRESS
    NO_ADDRESS: "No shipping address",
    BlockerCode.ADDRESS_INCOMPLETE.value: "Address incomplete",
    BlockerCode.INVOICE_MISSING.value: "Invoice missing",
    BlockerCode.CUSTOMS_MISSING.value: "Customs data missing",
    BlockerCode.UNMAPPED_SKU.value: "No product linked",
    BlockerCode.NOT_PAID.value: "Not paid",
}
_EXACT = {"payment": "payment_status", "fulfillment": "fulfillment_status", "channel": "channel_id"}
PERIODS = ("1", "7", "30", "90")  # days, as the filter offers them
DUE = {  # by when, or what
    "overdue": "Overdue", "4h": "Due within 4 hours", "today": "Due today", "week": "Due within 7 days",
    DueKind.ACCEPT.value: "To accept", DueKind.PAYMENT.value: "Payment to take", DueKind.SHIP.value: "To ship",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    label: str
    headlines: tuple[str, ...] = ()  # empty: all of them
    looks: bool = False  # those that need a look as well, whatever their headline
    archived: bool = False  # those alone; the other tabs have none of them


TABS: tuple[Tab, ...] = (
    Tab("all", "All"),
    Tab("confirm", "Needs confirmation", (Headline.NEEDS_CONFIRMATION,)),
    Tab("attention", "Needs attention", ATTENTION, looks=True),
    Tab("syncing", "Syncing", (Headline.SYNCING,)),
    Tab("fulfillment", "Awaiting fulfillment", (Headline.AWAITING_FULFILLMENT, Headline.PARTLY_FULFILLED)),
    Tab("completed", "Completed", (Headline.COMPLETED,)),
    Tab("closed", "Closed", (Headline.DECLINED, Headline.EXPIRED, Headline.CANCELLED)),
    Tab("drafts", "Drafts", (Headline.DRAFT,)),
    Tab("archived", "Archived", archived=True),
)
_BY_KEY = {tab.key: tab for tab in TABS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked the list for."""

    tab: Tab = TABS[0]
    words: str = ""
    destination: str = ""  # a connection's public id
    payment: str = ""
    export: str = ""  # of ExportStatus
    fulfillment: str = ""
    channel: int = 0  # a channel's id; 0: any
    gap: str = ""  # a key of GAPS
    days: int = 0  # 0: no limit
    oldest_first: bool = False
    by_due: bool = False  # the nearest deadline first; orders without one are left out
    due: str = ""  # of DUE
    cursor: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Wanted:
        """Whatever makes no sense is left out."""
        days, channel = query.get("days", ""), query.get("channel", "")
        return cls(
            tab=_BY_KEY.get(query.get("tab", ""), TABS[0]),
            words=query.get("q", "").replace("\x00", "")[:200].strip(),
            destination=query.get("destination", "")[:32],
            payment=query.get("payment", "") if query.get("payment") in PaymentStatus.values else "",
            export=query.get("export", "") if query.get("export") in ExportStatus.values else "",
            fulfillment=query.get("fulfillment", "") if query.get("fulfillment") in FulfillmentStatus.values else "",
            channel=int(channel) if channel.isascii() and channel.isdigit() and len(channel) < ID_DIGITS else 0,
            gap=query.get("gap", "") if query.get("gap") in GAPS else "",
            days=int(days) if days in PERIODS else 0,
            oldest_first=query.get("sort") == "oldest",
            by_due=query.get("sort") == "due",
            due=query.get("due", "") if query.get("due") in DUE else "",
            cursor=query.get("cursor", ""),
        )

    @property
    def is_narrowed(self) -> bool:
        common = self.words or self.payment or self.export or self.fulfillment or self.channel
        return bool(common or self.rarely_set)

    @property
    def rarely_set(self) -> int:
        """How many of the filters are set that the list keeps folded."""
        return sum(map(bool, (self.destination, self.gap, self.days, self.due)))


@dataclass(frozen=True, slots=True)
class Page:
    orders: list[Order]
    next_cursor: str = ""


def order_page(merchant: Merchant, wanted: Wanted, *, at: datetime) -> Page:
    """One page by key: as fast on the ten-thousandth page as on the first, and no order twice or left out."""
    orders = narrowed(merchant, wanted, at=at).for_list()  # type: ignore[attr-defined]
    if wanted.by_due:
        orders = orders.filter(due_at__isnull=False).order_by("due_at", "pk")
    elif wanted.oldest_first:
        orders = orders.order_by("placed_at", "pk")
    key, column = read_cursor(wanted.cursor), "due_at" if wanted.by_due else "placed_at"
    if key is not None:
        orders = orders.filter(beyond(key, column, ascending=wanted.oldest_first or wanted.by_due))
    rows = list(orders[: PAGE_SIZE + 1])
    last = rows[PAGE_SIZE - 1] if len(rows) > PAGE_SIZE else None
    return Page(rows[:PAGE_SIZE], write_cursor(getattr(last, column), last.pk) if last else "")


def narrowed(merchant: Merchant, wanted: Wanted, *, at: datetime) -> QuerySet[Order]:
    """The merchant's orders that the tab, the search and the filters leave."""
    exactly = {column: getattr(wanted, name) for name, column in _EXACT.items() if getattr(wanted, name)}
    orders: QuerySet[Order] = Order.objects.of(merchant).filter(behind(wanted.tab), **exactly)
    orders = orders.filter(says(wanted.words))
    if wanted.destination:
        orders = orders.filter(goes_to(wanted.destination))
    if wanted.export:
        orders = orders.filter(export_status_is(wanted.export))
    if wanted.due in DueKind.values:
        orders = orders.filter(due_kind=wanted.due)
    elif wanted.due:
        orders = orders.filter(due_at__lt=_due_before(merchant, wanted.due, at))
    if wanted.gap == NO_ADDRESS:
        orders = orders.filter(archiving.lacks_address())
    elif wanted.gap:
        orders = orders.filter(has_blocker(wanted.gap))
    if wanted.days:
        orders = orders.filter(placed_at__gte=at - timedelta(days=wanted.days))
    return orders


def behind(tab: Tab) -> Q:
    """Orders that stand behind a tab."""
    shelf = Q(is_archived=tab.archived)
    headed = Q(headline__in=tab.headlines) if tab.headlines else Q()
    return shelf & (headed | Q(needs_look=True) if tab.looks else headed)


def says(words: str) -> Q:
    """Orders with all of these words, six at the most, in what is searched."""
    parts = [Q(search_text__contains=word) for word in words.lower().split()[:6]]
    return reduce(and_, parts, Q())


def goes_to(connection_id: str) -> Q:
    """Orders with a part for this connection, by its public id."""
    return Q(Exists(OrderPush.objects.filter(order=OuterRef("pk"), connection__public_id=connection_id)))


def has_blocker(code: str) -> Q:
    """Orders that this code keeps back themselves, not at a destination. By text: SQLite looks into no JSON list."""
    text = Cast("blockers", TextField())
    return Q(lookups.Contains(text, f'"code": "{code}"'))


def write_cursor(at: datetime, pk: int) -> str:
    text = f"{at.astimezone(UTC).isoformat()}|{pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, int] | None:
    """None for no cursor, and for one that somebody changed: then the list begins at its beginning."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, pk = text.partition("|")
        at = datetime.fromisoformat(moment)
        return (at, int(pk)) if at.tzinfo and times.is_usable(at) and 0 <= int(pk) < 2**63 else None
    except (ValueError, binascii.Error):
        return None


def beyond(key: tuple[datetime, int], column: str, *, ascending: bool) -> Q:
    """What comes after this key when sorted by the column, then by the primary key."""
    at, pk = key
    if ascending:
        return Q((f"{column}__gte", at)) & (Q((f"{column}__gt", at)) | Q(pk__gt=pk))
    return Q((f"{column}__lte", at)) & (Q((f"{column}__lt", at)) | Q(pk__lt=pk))


def _due_before(merchant: Merchant, due: str, at: datetime) -> datetime:
    match due:
        case "today":
            return merchant.day_bounds(at.astimezone(merchant.zone).date())[1]
        case "4h":
            return at + timedelta(hours=4)
        case "week":
            return at + timedelta(days=7)
    return at  # overdue


# --- counts --------------------------------------------------------------------------------------


def tab_counts(merchant: Merchant, wanted: Wanted, *, at: datetime) -> dict[str, str]:
    """How many orders stand behind each tab: all of them, or those that the search and the filters leave."""
    if wanted.is_narrowed:
        return {tab.key: _shown([_narrowed_count(merchant, replace(wanted, tab=tab), at)]) for tab in TABS}
    counts = _capped_counts(merchant)
    return {tab.key: _shown([counts[name] for name in _counted(tab)]) for tab in TABS}


def _narrowed_count(merchant: Merchant, wanted: Wanted, at: datetime) -> int:
    """COUNT_CAP at the most."""
    return narrowed(merchant, wanted, at=at).values("pk")[:COUNT_CAP].count()


def _counted(tab: Tab) -> Sequence[str]:
    if tab.archived:
        return [_ARCHIVED]
    return [*(tab.headlines or Headline.values), *([_LOOKS] if tab.looks else [])]


_ARCHIVED, _LOOKS = "archived", "looks"  # beside the headlines
_FEW = "SELECT %s, COUNT(*) FROM (SELECT 1 FROM orders_order WHERE merchant_id = %s AND {} LIMIT %s) AS few"
_COUNT = _FEW.format("headline = %s AND NOT is_archived")
_COUNT_ARCHIVED = _FEW.format("is_archived")
_COUNT_LOOKS = _FEW.format(f"needs_look AND NOT is_archived AND headline NOT IN ({', '.join(['%s'] * len(ATTENTION))})")


def _capped_counts(merchant: Merchant) -> dict[str, int]:
    """Orders per headline, archived ones, and those to look at that no headline of ATTENTION counts already.

    In one statement that looks at COUNT_CAP index entries of each at the most.

    SQL by hand: the ORM has no count over a limited subquery that both databases take in a UNION.
    """
    values = [value for headline in Headline.values for value in (headline, merchant.pk, headline, COUNT_CAP)]
    with database.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join([*[_COUNT] * len(Headline), _COUNT_ARCHIVED, _COUNT_LOOKS]),
            [*values, _ARCHIVED, merchant.pk, COUNT_CAP, _LOOKS, merchant.pk, *ATTENTION, COUNT_CAP],
        )
        return dict(cursor.fetchall())


def _shown(counts: list[int]) -> str:
    return f"{COUNT_CAP - 1}+" if any(count >= COUNT_CAP for count in counts) else str(sum(counts))
