"""Who works with whom: a partnership is asked for, answered and ended.

Whoever is asked by e-mail accepts with the link in the mail, signed in with that address; a merchant that is asked by its
short name finds the question on its Partners page.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from connectors import conditions
from connectors.models import (
    Connection,
    ConnectionState,
    Partnership,
    PartnershipState,
    Side,
    SyncSettings,
)
from connectors.registry import connector_class
from connectors.services import partner_mails

INVITATION_LASTS = timedelta(days=14)
MAIL_AGAIN = timedelta(hours=1)  # to one address
ASKED_IN_A_DAY = 50
NAME_MAX = 120


class PartnerRefused(Exception):
    """What was asked cannot be; the text says so. `field` names what was typed, where something was."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def side_of(partnership: Partnership, merchant: Merchant) -> Side:
    """Which side a merchant is, or would be by accepting."""
    if partnership.source_id == merchant.pk:
        return Side.SOURCE
    if partnership.destination_id == merchant.pk:
        return Side.DESTINATION
    return _other(Side(partnership.asked_by))


def partner_of(partnership: Partnership, merchant: Merchant) -> Merchant | None:
    """The other side; None while nobody has answered an invitation by e-mail."""
    return partnership.destination if partnership.source_id == merchant.pk else partnership.source


def offered_stores(merchant: Merchant) -> list[Connection]:
    """What a source can approve: its own stores. A supplier's or a partner's goods are not its to share."""
    standing = Connection.objects.of(merchant).standing().own().order_by("name", "pk")
    return [row for row in standing if not connector_class(row.platform).capabilities.supplier]


# --- asked and answered ----------------------------------------------------------------------------


@transaction.atomic
def invite(
    *, merchant_id: int, side: Side, whom: str, by: str, at: datetime, connection_id: int | None = None
) -> Partnership:
    """Ask somebody, by e-mail address or short name, to work together. A source says at once for which of its stores.

    Raises PartnerRefused; the same question again replaces the one before. A worker sends the mail.
    """
    merchant = Merchant.objects.select_for_update().get(pk=merchant_id)
    email = whom.lower() if "@" in whom else ""
    asked = None if email else _merchant_called(whom, merchant)
    store = _store(merchant, connection_id) if side == Side.SOURCE else None
    _refuse_double(merchant, asked, side, store)
    _refuse_flood(merchant, email, by_source=side == Side.SOURCE, at=at)
    _replace_question(merchant, side, asked, email, by=by, at=at)
    partnership = Partnership.objects.create(
        source=merchant if side == Side.SOURCE else asked,
        destination=asked if side == Side.SOURCE else merchant,
        source_connection=store,
        asked_by=side,
        email=email,
        invited_by=by,
        invited_at=at,
        expires_at=at + INVITATION_LASTS,
    )
    if email:
        partnership.token_digest = _digest(partner_mails.token_of(partnership))
        partnership.save(update_fields=["token_digest"])
    _note(merchant, "partnership.invited", email or whom, by, at)
    partner_mails.promise(partnership, partner_mails.INVITED, by=side, at=at)
    return partnership


def find(token: str, *, at: datetime) -> Partnership | None:
    """The open question of a link; None when it was answered, withdrawn or ran out."""
    rows = Partnership.objects.open(at=at).select_related("source", "destination", "source_connection")
    return rows.filter(token_digest=_digest(token)).first()


@transaction.atomic
def accept(
    *, partnership_id: int, merchant_id: int, by: str, at: datetime, connection_id: int | None = None
) -> Partnership:
    """Say yes for a merchant; a source says for which of its stores. Raises PartnerRefused.

    The caller has made sure that this merchant, or the address of this person, was asked.
    """
    partnership = _locked(partnership_id)
    merchant = Merchant.objects.get(pk=merchant_id)
    _refuse_answered(partnership, at)
    side = _other(Side(partnership.asked_by))
    _take_seat(partnership, side, merchant)
    if side == Side.SOURCE:
        partnership.source_connection = _store(merchant, connection_id)
    store, seller, owner = partnership.source_connection, partnership.destination, partnership.source
    if store is None or seller is None or owner is None or store.state == ConnectionState.REMOVED:
        raise PartnerRefused("The partner's store is not connected any more. Ask for a new invitation.")
    _refuse_second(store, seller)
    partnership.connection = _stand_in(partnership, owner, store, seller)
    _decide(partnership, PartnershipState.ACCEPTED, by=by, at=at)
    for each in (owner, seller):
        _note(each, "partnership.accepted", str(partnership), by, at, partnership=partnership.public_id)
    conditions.cleared(conditions.routing_changed(seller.pk))
    partner_mails.promise(partnership, partner_mails.ACCEPTED, by=side, at=at)
    return partnership


@transaction.atomic
def decline(*, partnership_id: int, merchant_id: int, by: str, at: datetime) -> Partnership:
    """Say no. Raises PartnerRefused when it has been answered already."""
    partnership = _locked(partnership_id)
    _refuse_answered(partnership, at)
    merchant = Merchant.objects.get(pk=merchant_id)
    side = _other(Side(partnership.asked_by))
    _take_seat(partnership, side, merchant)
    _decide(partnership, PartnershipState.DECLINED, by=by, at=at)
    _note(merchant, "partnership.declined", str(partnership), by, at, partnership=partnership.public_id)
    partner_mails.promise(partnership, partner_mails.DECLINED, by=side, at=at)
    return partnership


@transaction.atomic
def revoke(*, partnership_id: int, merchant_id: int, by: str, at: datetime) -> Partnership:
    """End it, or take the question back, from either side. Nothing new is sent from now on. Raises PartnerRefused.

    What waits is for orders.services.partner_orders to hold.
    """
    partnership = _locked(partnership_id)
    merchant = Merchant.objects.get(pk=merchant_id)
    if partnership.state not in (PartnershipState.INVITED, PartnershipState.ACCEPTED):
        raise PartnerRefused(f"It is {partnership.get_state_display().lower()} already.")
    _end(partnership, side_of(partnership, merchant), merchant.name, by=by, at=at)
    return partnership


def end_all_through(connection: Connection, *, by: str, at: datetime) -> None:
    """The connection is disconnected: nobody works through it any more. Inside the transaction that does it."""
    rows = Partnership.objects.filter(source_connection=connection)
    for row in rows.filter(state__in=[PartnershipState.INVITED, PartnershipState.ACCEPTED]).order_by("pk"):
        _end(_locked(row.pk), Side.SOURCE, connection.merchant.name, by=by, at=at)


def _end(partnership: Partnership, side: Side, name: str, *, by: str, at: datetime) -> None:
    was_accepted = partnership.state == PartnershipState.ACCEPTED
    partnership.ended_by = side
    _decide(partnership, PartnershipState.REVOKED, by=by, at=at)
    if partnership.connection_id is not None:
        Connection.objects.filter(pk=partnership.connection_id).update(
            state=ConnectionState.REMOVED, state_reason=f"{name} ended the partnership."[:300]
        )
    for merchant in filter(None, (partnership.source, partnership.destination)):
        _note(merchant, "partnership.revoked", str(partnership), by, at, partnership=partnership.public_id)
    if was_accepted:
        partner_mails.promise(partnership, partner_mails.ENDED, by=side, at=at)


# --- inside ----------------------------------------------------------------------------------------


def _locked(partnership_id: int) -> Partnership:
    rows = Partnership.objects.select_for_update(of=("self",))
    return rows.select_related("source", "destination", "source_connection", "connection").get(pk=partnership_id)


def _other(side: Side) -> Side:
    return Side.DESTINATION if side == Side.SOURCE else Side.SOURCE


def _merchant_called(slug: str, merchant: Merchant) -> Merchant:
    asked = Merchant.objects.filter(slug=slug.strip().lower(), is_active=True).first()
    if asked is None:
        raise PartnerRefused("Nobody can be asked under this name. Use an e-mail address.", "whom")
    if asked == merchant:
        raise PartnerRefused("This is your own short name.", "whom")
    return asked


def _store(merchant: Merchant, connection_id: int | None) -> Connection:
    store = next((row for row in offered_stores(merchant) if row.pk == connection_id), None)
    if store is None:
        raise PartnerRefused("Choose one of your stores.", "store")
    return store


def _refuse_double(merchant: Merchant, asked: Merchant | None, side: Side, store: Connection | None) -> None:
    if asked is None:
        return
    sides = (
        {"source": merchant, "destination": asked}
        if side == Side.SOURCE
        else {"source": asked, "destination": merchant}
    )
    standing = Partnership.objects.filter(state=PartnershipState.ACCEPTED, **sides)
    if store is not None:
        standing = standing.filter(source_connection=store)
        if standing.exists():
            raise PartnerRefused(f"{asked.name} works with {store.name} already.", "whom")


def _refuse_flood(merchant: Merchant, email: str, *, by_source: bool, at: datetime) -> None:
    """Mails go to addresses that never asked for them."""
    mine = Partnership.objects.filter(asked_by=Side.SOURCE, source=merchant)
    if not by_source:
        mine = Partnership.objects.filter(asked_by=Side.DESTINATION, destination=merchant)
    if email and mine.filter(email=email, invited_at__gt=at - MAIL_AGAIN).exists():
        raise PartnerRefused(f"{email} was asked less than an hour ago. Wait before you ask again.", "whom")
    if mine.filter(invited_at__gt=at - timedelta(days=1)).count() >= ASKED_IN_A_DAY:
        raise PartnerRefused(f"You have asked {ASKED_IN_A_DAY} times in a day. Ask again tomorrow.", "whom")


def _replace_question(
    merchant: Merchant, side: Side, asked: Merchant | None, email: str, *, by: str, at: datetime
) -> None:
    mine = Partnership.objects.filter(state=PartnershipState.INVITED, asked_by=side, email=email)
    own, theirs = ("source", "destination") if side == Side.SOURCE else ("destination", "source")
    rows = mine.filter(**{own: merchant, theirs: asked})
    rows.update(state=PartnershipState.REVOKED, decided_by=by, decided_at=at, ended_by=side)


def _refuse_answered(partnership: Partnership, at: datetime) -> None:
    if partnership.state != PartnershipState.INVITED:
        raise PartnerRefused(f"It is {partnership.get_state_display().lower()} already.")
    if at >= partnership.expires_at:
        raise PartnerRefused("The invitation has run out. Ask for a new one.")


def _take_seat(partnership: Partnership, side: Side, merchant: Merchant) -> None:
    seat = "source" if side == Side.SOURCE else "destination"
    taken = getattr(partnership, f"{seat}_id")
    if taken is not None and taken != merchant.pk:
        raise PartnerRefused("Another merchant was asked.")
    other = partnership.destination_id if side == Side.SOURCE else partnership.source_id
    if other == merchant.pk:
        raise PartnerRefused("A merchant cannot be its own partner.")
    setattr(partnership, seat, merchant)


def _refuse_second(store: Connection, seller: Merchant) -> None:
    standing = Partnership.objects.filter(state=PartnershipState.ACCEPTED, source_connection=store, destination=seller)
    if standing.exists():
        raise PartnerRefused(f"{seller.name} works with {store.name} already.")


def _stand_in(partnership: Partnership, owner: Merchant, store: Connection, seller: Merchant) -> Connection:
    """The destination's own row: it tells nothing of the store but its platform and currency."""
    connection = Connection.objects.create(
        merchant=seller,
        source=store,
        platform=store.platform,
        name=owner.name[:NAME_MAX],
        base_url=f"partner:{partnership.public_id}",
        currency=store.currency,
    )
    SyncSettings.objects.create(connection=connection)
    return connection


def _decide(partnership: Partnership, state: PartnershipState, *, by: str, at: datetime) -> None:
    partnership.state, partnership.decided_by, partnership.decided_at = state, by, at
    partnership.token_digest = ""
    partnership.save()


def _note(merchant: Merchant, kind: str, subject: str, by: str, at: datetime, **data: str | int) -> None:
    audit.record(merchant=merchant, kind=kind, subject=subject, by=by, at=at, **data)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
