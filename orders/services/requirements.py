"""What a merchant asks of an order before it may go on: one row for all channels, and one for each that differs.

A change is a promise to look again at every order that waits for its decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.formed import Read
from accounts.models import Marketplace, Merchant
from accounts.services import audit
from connectors.models import ProductLink
from orders import outbox
from orders.enums import OrderStatus, Topic
from orders.errors import OrderError
from orders.models import Channel, Order, OrderRequirements
from orders.services import preflight, routing
from orders.services.readiness import Needs

AGAIN = "again"  # in the payload of a check that only a change of requirements asked for: it accepts nothing
EVERY = "every"  # the key of the row for all channels without one of their own
_UNDECIDED = (OrderStatus.DRAFT, OrderStatus.PENDING)


@dataclass(frozen=True, slots=True)
class ChannelNeeds:
    """What counts for one channel of a merchant."""

    key: str  # a marketplace's slug, a store's public id, or EVERY
    name: str
    needs: Needs
    is_own: bool  # False: as for every channel


def needs_of(merchant: Merchant, channel: Channel) -> Needs:
    """What counts for the orders of a channel. One query."""
    return _as_needs(sorted(_rows([merchant.pk], channel.pk), key=lambda row: row.channel_id is None)[:1])


_rows: Read[OrderRequirements] = Read(
    lambda keys, of: OrderRequirements.objects.filter(Q(channel=of) | Q(channel=None), merchant__in=keys), of=True
)


def has_link(merchant: Merchant, skus: Iterable[str], *, source_id: int | None) -> bool:
    """Whether any of the SKUs has a product link at a destination of the merchant's, other than where it came from."""
    wanted, could_go = {sku for sku in skus if sku}, routing.destinations(merchant, source_id=source_id)
    return ProductLink.objects.filter(connection__in=could_go, sku__in=wanted).exists()


def listed(merchant: Merchant) -> list[ChannelNeeds]:
    """What counts for every channel, then for each one that the merchant has, by name. Three queries."""
    rows = {_key(row.channel): row for row in OrderRequirements.objects.of(merchant).select_related(*_CHANNEL)}
    common = _as_needs([rows[EVERY]] if EVERY in rows else [])
    return [
        ChannelNeeds(EVERY, "Every channel", common, is_own=EVERY in rows),
        *(
            ChannelNeeds(key, name, _as_needs([rows[key]]) if key in rows else common, is_own=key in rows)
            for key, name in _channels(merchant).items()
        ),
    ]


@transaction.atomic
def save(*, merchant_id: int, key: str, needs: Needs, by: str, at: datetime) -> None:
    """Ask this of the orders of a channel, or of all without requirements of their own. Raises OrderError."""
    merchant = _locked(merchant_id)
    channel = _channel(merchant, key)
    row = OrderRequirements.objects.of(merchant).filter(channel=channel).first()
    before = _as_needs([row]) if row else None
    if before == needs:
        return
    OrderRequirements.objects.update_or_create(
        merchant=merchant, channel=channel, defaults={f"needs_{name}": wanted for name, wanted in asdict(needs).items()}
    )
    _changed(merchant, channel, kind="requirements.saved", before=before, after=needs, by=by, at=at)


@transaction.atomic
def follow_every(*, merchant_id: int, key: str, by: str, at: datetime) -> None:
    """Let a channel go by what counts for every channel again; nothing happens when it does."""
    merchant = _locked(merchant_id)
    channel = _channel(merchant, key)
    if channel is None:
        raise OrderError("What counts for every channel cannot be taken away. Change it.")
    row = OrderRequirements.objects.of(merchant).filter(channel=channel).first()
    if row is not None:
        before = _as_needs([row])
        row.delete()
        after = needs_of(merchant, channel)
        _changed(merchant, channel, kind="requirements.removed", before=before, after=after, by=by, at=at)


def merchant_changed(merchant: Merchant, changed: Collection[str], *, at: datetime) -> None:
    """Where the merchant is decides which orders leave its country. Inside the transaction of the change."""
    if "country_code" in changed:
        _look_again(merchant, None, at=at)


_CHANNEL = ("channel__marketplace", "channel__connection")


def _as_needs(rows: list[OrderRequirements]) -> Needs:
    """The first row's; without any, what counts by itself."""
    for row in rows:
        return Needs(**{field.name: getattr(row, f"needs_{field.name}") for field in fields(Needs)})
    return Needs()


def _key(channel: Channel | None) -> str:
    if channel is None:
        return EVERY
    if channel.marketplace is not None:
        return channel.marketplace.slug
    assert channel.connection is not None  # noqa: S101  # channel_is_marketplace_or_store
    return channel.connection.public_id


def _channels(merchant: Merchant) -> dict[str, str]:
    """Names by key: the marketplaces that the merchant sells on, and its stores that orders are pulled from."""
    marketplaces = Marketplace.objects.filter(merchants=merchant, is_active=True).values_list("slug", "name")
    stores = Channel.objects.filter(connection__merchant=merchant).values_list("connection__public_id", "name")
    return dict(sorted([*marketplaces, *stores], key=lambda pair: pair[1].lower()))


def _channel(merchant: Merchant, key: str) -> Channel | None:
    """None for every channel. Raises OrderError for one that the merchant does not have."""
    if key == EVERY:
        return None
    marketplace = Marketplace.objects.filter(merchants=merchant, is_active=True, slug=key).first()
    if marketplace is not None:
        return Channel.objects.get_or_create(marketplace=marketplace, defaults={"name": marketplace.name})[0]
    store = Channel.objects.filter(connection__merchant=merchant, connection__public_id=key).first()
    if store is None:
        raise OrderError("You have no such channel.")
    return store


def _locked(merchant_id: int) -> Merchant:
    return Merchant.objects.select_for_update().get(pk=merchant_id)


def _changed(
    merchant: Merchant,
    channel: Channel | None,
    *,
    kind: str,
    before: Needs | None,
    after: Needs,
    by: str,
    at: datetime,
) -> None:
    changed = {"before": asdict(before) if before else None, "after": asdict(after)}
    audit.record(
        merchant=merchant, kind=kind, subject=channel.name if channel else "Every channel", by=by, at=at, **changed
    )
    _look_again(merchant, channel, at=at)


def _look_again(merchant: Merchant, channel: Channel | None, *, at: datetime) -> None:
    """Promise a check of every order that waits for its decision; without a channel, of all."""
    orders = Order.objects.of(merchant).filter(status__in=_UNDECIDED)
    if channel is not None:
        orders = orders.filter(channel=channel)
    keys = {f"{preflight.check_key(order, None)}:{at.timestamp()}": order for order in orders.order_by("pk")}
    outbox.post_many(Topic.CHECK_ORDER, orders=keys, payload={AGAIN: True}, at=at)
