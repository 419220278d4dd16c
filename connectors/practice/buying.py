"""What a customer does in a practice store: buys. The store's own platform makes the order."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from connectors.practice import platforms
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart
from connectors.practice.services import PracticeError


@transaction.atomic
def buy(*, shop_id: int, cart: Cart) -> PracticeOrder:
    """Raises PracticeError where nobody buys, and for what the store would not sell."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    platform = platforms.of(shop)
    if not platform.sells:
        raise PracticeError("Customers do not buy here.")
    return platform.checkout(shop, cart, at=timezone.now())
