"""The customers of a shop: one per e-mail address, and a phone number that another one has is refused (recorded)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.practice.models import PracticeCustomer, PracticeShop
from connectors.practice.shopify.search import number_of

Problem = tuple[str, tuple[str, ...]]  # words, and the path of the field

_UPSERT = ("order", "customer", "toUpsert")
_GONE: Problem = ("Customer does not exist", ("order", "customer"))


def problems(shop: PracticeShop, order: Mapping[str, Any]) -> Iterator[Problem]:
    """Why the customer of an order would be refused."""
    given = order.get("customer") or {}
    associate, upsert = _associate(order), given.get("toUpsert")
    if associate is not None and _find(shop, associate) is None:
        yield _GONE
    if upsert is None:
        return
    known = _find(shop, upsert)
    if upsert.get("id") and known is None:
        yield _GONE
    elif known is None and not upsert.get("email"):
        yield "Email can't be blank", (*_UPSERT, "email")  # that Shopify asks for it is not recorded: nobody should try
    if upsert.get("phone") and _others(shop, known).filter(phone=upsert["phone"]).exists():
        yield "Phone has already been taken", (*_UPSERT, "phone")
    if upsert.get("email") and _others(shop, known).filter(email=upsert["email"].lower()).exists():
        yield "Email has already been taken", (*_UPSERT, "email")


def take(shop: PracticeShop, order: Mapping[str, Any], *, at: datetime) -> PracticeCustomer | None:
    """The customer of an order without problems, made or changed as it says. With the shop locked."""
    associate, upsert = _associate(order), (order.get("customer") or {}).get("toUpsert")
    if upsert is None:
        return _find(shop, associate) if associate is not None else None
    row = _find(shop, upsert) or PracticeCustomer(shop=shop, created_at=at)
    row.email = (upsert.get("email") or row.email).lower()
    row.phone = upsert.get("phone") or row.phone
    row.first_name = upsert.get("firstName") or row.first_name
    row.last_name = upsert.get("lastName") or row.last_name
    row.save()
    return row


def _associate(order: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Whom the order is to be attached to without a change."""
    if order.get("customerId"):
        return {"id": order["customerId"]}
    given: Mapping[str, Any] | None = (order.get("customer") or {}).get("toAssociate")
    return given


def _find(shop: PracticeShop, given: Mapping[str, Any]) -> PracticeCustomer | None:
    """By id where one is named, else by e-mail address."""
    if given.get("id"):
        return PracticeCustomer.objects.filter(shop=shop, pk=number_of(given["id"], "Customer") or 0).first()
    email = (given.get("email") or "").lower()
    return PracticeCustomer.objects.filter(shop=shop, email=email).first() if email else None


def _others(shop: PracticeShop, known: PracticeCustomer | None) -> Any:
    rows = PracticeCustomer.objects.filter(shop=shop)
    return rows if known is None else rows.exclude(pk=known.pk)
