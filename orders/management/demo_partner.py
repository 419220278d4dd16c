"""A partner in the demo: one merchant sells what another owns and sends, and its paid orders go there by themselves."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Merchant
from connectors.models import Connection, Side
from connectors.services import partner_products, partner_settings, partners, plans

BY = "demo"
SELLER, SHARED = "fell-and-fern", ("RUG-THISTLE", "THROW-THISTLE")


def join(store: Connection, *, at: datetime) -> Connection:
    """Let the seller sell what the store has; the connection that stands for it there. As people do it on their pages."""
    seller = Merchant.objects.get(slug=SELLER)
    asked = partners.invite(merchant_id=seller.pk, side=Side.DESTINATION, whom=store.merchant.slug, by=BY, at=at)
    row = partners.accept(partnership_id=asked.pk, merchant_id=store.merchant_id, connection_id=store.pk, by=BY, at=at)
    found = partner_products.look_up(store, SHARED)
    partner_products.share(partnership_id=row.pk, variants=found.variants, by=BY, at=at)
    partner_settings.save(partnership_id=row.pk, automatic=True, by=BY, at=at)
    plans.set_orders_addon(merchant_id=seller.pk, on=True, by=BY, at=at)
    assert row.connection is not None  # noqa: S101  # accepted
    return row.connection
