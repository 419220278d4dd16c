"""Which lines go to which destination: the first of these that applies (docs/adr/0012-routing.md).

By hand; to the only destination there is; by the merchant's rules from the top; by a saved product link; to the default
destination. A line that none of them sends anywhere blocks the order. A partner's store takes linked lines alone, and those
before a store of the merchant's own: the product is the partner's (docs/adr/0020).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from accounts.formed import Read
from accounts.models import Merchant
from connectors import conditions, rows
from connectors.base import Blocker, BlockerCode
from connectors.models import Connection, ProductLink
from orders.enums import PushStatus, RoutedBy, RuleKind
from orders.models import Order, OrderLine, OrderPush, PushLine, RoutingRule
from orders.services import history, partner_amounts, references, shares

TAGS = "tags"  # the order's attribute that holds its tags, between commas
NAMED_SKUS = 5  # in a blocker's text


class Line(Protocol):
    @property
    def sku(self) -> str: ...

    @property
    def title(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where one line goes and why; None for a line that nothing sends anywhere."""

    connection: Connection | None
    by: RoutedBy = RoutedBy.ONLY


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules look at besides the line."""

    attributes: Mapping[str, str]
    country: str  # ISO 3166-1 of the shipping address; empty for a pickup

    @property
    def tags(self) -> set[str]:
        return {tag.strip().lower() for tag in self.attributes.get(TAGS, "").split(",")}


@dataclass(frozen=True, slots=True)
class Book:
    """All that decides about a merchant's lines, read at once."""

    connections: Sequence[Connection]  # the default destination first, then the oldest
    rules: Sequence[RoutingRule]
    linked: frozenset[tuple[int, str]]  # (connection's pk, SKU)

    def lost(self, lines: Iterable[Line], routes: Iterable[Route]) -> list[tuple[str, str]]:
        """SKU and title of the lines that go nowhere; where there is no destination at all, orders simply stay here."""
        pairs = zip(lines, routes, strict=True) if self.own else ()
        return [(line.sku, line.title) for line, route in pairs if route.connection is None]

    @property
    def own(self) -> list[Connection]:
        """The merchant's own destinations, which take any line."""
        return [connection for connection in self.connections if connection.source_id is None]

    def takers(self, sku: str) -> list[Connection]:
        """Those that can take a line, partners' stores first."""
        partners = [row for row in self.connections if row.source_id is not None and (row.pk, sku) in self.linked]
        return partners + self.own

    def route(self, sku: str, facts: Facts) -> Route:
        takers = self.takers(sku)
        if len(takers) == 1 and takers == self.own:
            return Route(takers[0], RoutedBy.ONLY)
        standing = {connection.pk: connection for connection in takers}
        for rule in self.rules:
            if rule.connection_id in standing and _holds(rule, sku, facts):
                return Route(standing[rule.connection_id], RoutedBy.RULE)
        for connection in takers:
            if (connection.pk, sku) in self.linked:
                return Route(connection, RoutedBy.LINK)
        if not takers:
            return Route(None, RoutedBy.ONLY)
        default = next((connection for connection in takers if connection.is_default), None)
        return Route(default, RoutedBy.DEFAULT)


def destinations(merchant: Merchant, *, source_id: int | None = None) -> list[Connection]:
    """Where the merchant's orders can go: the default destination first, then the oldest.

    `source_id` is the store where the order was placed, if it was placed in one: it never goes back there.
    """
    return [connection for connection in _destinations([merchant.pk]) if connection.pk != source_id]


_destinations: Read[Connection] = Read(
    lambda keys: (
        Connection.objects.standing()
        .filter(merchant__in=keys, is_destination=True)
        .select_related("sync_settings", "lane")
        .order_by("-is_default", "pk")
    )
)


def own_destinations(merchant: Merchant, *, source_id: int | None = None) -> list[Connection]:
    """Those of the merchant's own, partners' stores left out."""
    return [row for row in destinations(merchant, source_id=source_id) if not is_partners(row)]


def read_book(merchant: Merchant, skus: Iterable[str], *, source_id: int | None = None) -> Book:
    """One statement for a merchant with one destination, three for others."""
    connections = destinations(merchant, source_id=source_id)
    if len(connections) < 2 and all(connection.source_id is None for connection in connections):
        return Book(connections, (), frozenset())
    links = ProductLink.objects.filter(connection__in=connections, sku__in={sku for sku in skus if sku})
    return Book(
        connections,
        list(RoutingRule.objects.of(merchant).in_order()),
        frozenset(links.values_list("connection_id", "sku")),
    )


def nowhere(lines: Iterable[tuple[str, str]]) -> list[Blocker]:
    """The one blocker for lines, given as (SKU, title), that go nowhere; none when there are none."""
    names = list(dict.fromkeys(sku or title for sku, title in lines))
    if not names:
        return []
    more = f" and {len(names) - NAMED_SKUS} more" if len(names) > NAMED_SKUS else ""
    listed = ", ".join(names[:NAMED_SKUS])
    text = f"No store is chosen for {listed}{more}. Move the lines to a store below, or choose a default destination."
    return [Blocker(BlockerCode.NO_DESTINATION, text, "lines", listed[:200])]


def first_status(connection: Connection) -> PushStatus:
    """What a push to it begins with."""
    return PushStatus.WAITING if connection.sync_settings.sync_orders else PushStatus.SKIPPED


def first_statuses(routes: Iterable[Route]) -> list[PushStatus]:
    """What the pushes of these routes begin with."""
    return [first_status(route.connection) for route in routes if route.connection is not None]


def plan(
    order: Order, lines: Sequence[OrderLine], routes: Sequence[Route], *, checking: bool, at: datetime
) -> list[OrderPush]:
    """Make the order's pushes, waiting for its confirmation. Call it in the transaction that places the order."""
    given: dict[Connection | None, list[tuple[OrderLine, RoutedBy]]] = {}
    for line, route in zip(lines, routes, strict=True):
        given.setdefault(route.connection, []).append((line, route.by))
    parts = [
        shares.Part(tuple(line for line, _ in routed), _goes_out(connection), is_partners(connection))
        for connection, routed in given.items()
    ]
    shared = {
        connection: partner_amounts.with_shipping(order, connection, share)
        for connection, share in zip(given, shares.split(order, parts), strict=True)
    }
    pushes = [
        new_push(order, connection, share=share, checking=checking)
        for connection, share in shared.items()
        if connection is not None
    ]
    rows.store(pushes)
    rows.insert(
        [PushLine(push=push, line=line, routed_by=by) for push in pushes for line, by in given[push.connection]]
    )
    history.note_all(
        order,
        (
            (f"Kept in Storeward: order sync is off for {push.connection.name}.", {"push": push.public_id})
            for push in pushes
            if push.status == PushStatus.SKIPPED
        ),
        kind="push.skipped",
        by=history.STOREWARD,
        at=at,
    )
    return pushes


def new_push(order: Order, connection: Connection, *, share: shares.Share, checking: bool) -> OrderPush:
    """The first push of an order to a destination, not saved."""
    status = first_status(connection)
    synced = status == PushStatus.WAITING
    return OrderPush(
        order=order,
        connection=connection,
        reference=references.reference_of(order, generation=1),
        status=status,
        checking=checking and synced,
        wait_for=conditions.confirmed(order.pk) if synced else "",
        reason="Waiting for your confirmation." if synced else "Order sync is off for this connection.",
        **asdict(share),
    )


def is_partners(connection: Connection | None) -> bool:
    """Whether it stands for a store of another merchant."""
    return connection is not None and connection.source_id is not None


def _goes_out(connection: Connection | None) -> bool:
    return connection is not None and first_status(connection) == PushStatus.WAITING


def _holds(rule: RoutingRule, sku: str, facts: Facts) -> bool:
    """Whether a rule speaks of this line; upper and lower case are the same."""
    wanted = rule.value.lower()
    match rule.kind:
        case RuleKind.SKU_PREFIX:
            return sku.lower().startswith(wanted)
        case RuleKind.TAG:
            return wanted in facts.tags
        case RuleKind.ATTRIBUTE:
            return facts.attributes.get(rule.name, "").strip().lower() == wanted
        case RuleKind.COUNTRY:
            return facts.country.lower() == wanted
    return False
