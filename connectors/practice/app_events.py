"""What a store's owner, or the law, does to our app there: it is uninstalled, and asked for personal data or to remove them."""

from __future__ import annotations

from django.db import transaction

from connectors.practice import events, platforms
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.services import PracticeError


@transaction.atomic
def uninstall(*, shop_id: int) -> None:
    """Every subscription for it is told, and then the app has neither access nor subscriptions."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    platform = platforms.of(shop)
    if not platform.uninstalls:
        raise PracticeError(f"{platform.label} has no apps that could be uninstalled.")
    told = platform.tells_uninstall(shop)
    hooks = [hook for hook in shop.webhooks.order_by("pk") if told and platform.listens(hook, told[0])]
    events.send(shop, [events.Told(*told, hook.uri, hook) for hook in hooks])
    shop.tokens.all().delete()
    platform.forget_app(shop)


@transaction.atomic
def ask_for_privacy(*, shop_id: int, topic: str, order_id: int | None) -> None:
    """One of the platform's mandatory webhooks; `order_id` names the customer by an order. Raises PracticeError."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    platform = platforms.of(shop)
    if topic not in platform.privacy_topics:
        raise PracticeError(f"{platform.label} sends no such webhook.")
    order = PracticeOrder.objects.filter(shop=shop, pk=order_id).first() if order_id else None
    payload, triggered_at = platform.privacy_request(shop, topic, order)
    events.send(shop, [events.Told(topic, payload, platform.privacy_address())], triggered_at=triggered_at)
