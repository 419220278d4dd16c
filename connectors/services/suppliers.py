"""What a merchant chooses for a supplier: how it sends, who pays, where to, and when an order goes there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.services import audit
from connectors.base import Address, PaymentProfile, SupplierConnector, SupplierOptions, Warehouse
from connectors.models import Connection, StoreAddress, SupplierSettings
from connectors.registry import connector_class
from connectors.services import connections
from connectors.services.clients import connector_for
from connectors.services.connections import ASK_DEADLINE_S

MOST_WAREHOUSES = 30
_CHANGES_NO_CHECK = {"auto_fulfillment"}
_WAREHOUSE = re.compile(r"[A-Z0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    label: str


class ChoiceRefused(Exception):
    """What was chosen cannot be; the text says so to the merchant."""


def is_supplier(connection: Connection) -> bool:
    return connector_class(connection.platform).capabilities.supplier


def steps(connection: Connection) -> tuple[Step, ...]:
    """The set-up of this supplier, in order; what it does not offer is left out."""
    offers = connector_class(connection.platform).capabilities
    every = (
        (True, "connection", "Connection"),
        (True, "sync", "Order sync"),
        (True, "auto", "Auto fulfillment"),
        (offers.test_orders, "test", "Test order"),
        (offers.payment_profiles, "payment", "Payment profile"),
        (True, "address", "Shipping address"),
    )
    return tuple(Step(name, label) for offered, name, label in every if offered)


def next_step(connection: Connection, chosen: SupplierSettings) -> str:
    """The first step that was not done yet; empty when all are."""
    return next((step.name for step in steps(connection) if step.name not in chosen.steps_done), "")


def settings_of(connection: Connection) -> SupplierSettings:
    """The merchant's choices; the defaults, not saved, when there are none."""
    rows = SupplierSettings.objects.filter(connection=connection).select_related("store_address")
    return rows.first() or SupplierSettings(connection=connection)


def options_of(connection: Connection) -> SupplierOptions:
    """The choices as an order carries them; nothing for a store. A profile that is still to be chosen is empty."""
    if not is_supplier(connection):
        return SupplierOptions()
    chosen = settings_of(connection)
    place = chosen.store_address if chosen.disable_dropshipping else None
    return SupplierOptions(
        shipping_method=chosen.shipping_method,
        payment_email=chosen.payment_email if chosen.pays_by_profile else "",
        payment_profile_id=chosen.payment_profile_id if chosen.pays_by_profile else "",
        store_address=neutral(place) if place else None,
        warehouses=tuple(chosen.warehouses),
        fastest=chosen.prefers_fastest,
    )


def neutral(place: StoreAddress) -> Address:
    return Address(
        company=place.company,
        address1=place.address1,
        address2=place.address2,
        city=place.city,
        province_code=place.province_code,
        postcode=place.postcode,
        country_code=place.country_code,
        phone=place.phone,
    )


def save(
    *,
    connection_id: int,
    by: str,
    at: datetime,
    step: str = "",
    sync_orders: bool | None = None,
    new_address: Mapping[str, str] | None = None,
    **chosen: Any,
) -> SupplierSettings:
    """Change the choices of one step of the set-up, or some of them; all of what is given or nothing. It counts for
    orders that have not been sent yet; those that were held back are asked again.

    Without `sync_orders` order sync stays as it is. A `new_address` is kept and chosen.
    Raises ChoiceRefused for a method that the supplier does not know, for no dropshipping without an address, and for
    a payment profile without an e-mail address.
    """
    with transaction.atomic():
        if sync_orders is not None:
            connections.save_settings(connection_id=connection_id, by=by, at=at, sync_orders=sync_orders)
        if new_address is not None:
            chosen["store_address"] = keep_address(connection_id=connection_id, by=by, at=at, **new_address)
        row, changed = _write(connection_id, step, chosen, by=by, at=at)
    if changed - _CHANGES_NO_CHECK:
        import_string(settings.SUPPLIER_CHANGED)(connection_id=connection_id, at=at)
    return row


@transaction.atomic
def keep_address(*, connection_id: int, by: str, at: datetime, **fields: str) -> StoreAddress:
    """An address of the merchant, for any of its suppliers; the same one again is that row."""
    connection = Connection.objects.select_related("merchant").get(pk=connection_id)
    known = StoreAddress.objects.filter(merchant=connection.merchant, **fields).order_by("pk").first()
    if known is not None:
        return known
    audit.record(merchant=connection.merchant, kind="address.added", subject=fields["company"], by=by, at=at)
    return StoreAddress.objects.create(merchant=connection.merchant, **fields)


def addresses(connection: Connection) -> Sequence[StoreAddress]:
    return list(StoreAddress.objects.filter(merchant_id=connection.merchant_id).order_by("company", "pk"))


def methods(connection: Connection) -> Mapping[str, str]:
    """Shipping methods by code; empty when the supplier takes any words."""
    return driver_class(connection).shipping_methods()


def profiles(connection: Connection, email: str) -> tuple[PaymentProfile, ...]:
    """What is saved under this address at the supplier. Network: never in a transaction. Raises ConnectorError."""
    return driver(connection).payment_profiles(email)


def warehouses(connection: Connection, postcode: str) -> tuple[Warehouse, ...]:
    """Where the supplier sends from. Network: never in a transaction. Raises ConnectorError."""
    return driver(connection).warehouses(postcode)


def in_words(profile: PaymentProfile) -> str:
    return " · ".join(part for part in (profile.name, profile.kind) if part)[:200]


def driver_class(connection: Connection) -> type[SupplierConnector]:
    cls = connector_class(connection.platform)
    assert issubclass(cls, SupplierConnector)  # noqa: S101  # capabilities.supplier says so
    return cls


def driver(connection: Connection) -> SupplierConnector:
    """For a person who is waiting."""
    connector = connector_for(connection, deadline_s=ASK_DEADLINE_S)
    assert isinstance(connector, SupplierConnector)  # noqa: S101  # capabilities.supplier says so
    return connector


def _write(
    connection_id: int, step: str, chosen: dict[str, Any], *, by: str, at: datetime
) -> tuple[SupplierSettings, set[str]]:
    """The choices as they are now, and the names of those that changed."""
    connection = Connection.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=connection_id)
    row = settings_of(connection)
    changed = {name: value for name, value in chosen.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    _refuse(connection, row)
    if step and step not in row.steps_done:
        row.steps_done = [*row.steps_done, step]
    row.save()
    if changed:
        told = {name: _plain(value) for name, value in changed.items()}
        audit.record(
            merchant=connection.merchant, kind="supplier.settings", subject=connection.name, by=by, at=at, **told
        )
    return row, set(changed)


def _refuse(connection: Connection, row: SupplierSettings) -> None:
    known = methods(connection)
    if known and row.shipping_method and row.shipping_method not in known:
        raise ChoiceRefused(f"{connection.name} has no shipping method {row.shipping_method}.")
    if row.warehouses and not driver_class(connection).capabilities.warehouses:
        raise ChoiceRefused(f"{connection.name} chooses its warehouses itself.")
    if len(row.warehouses) > MOST_WAREHOUSES or not all(_WAREHOUSE.fullmatch(code) for code in row.warehouses):
        raise ChoiceRefused("A warehouse is named by its code, as in IL.")
    if row.disable_dropshipping and row.store_address is None:
        raise ChoiceRefused("Choose the address that the goods go to, or let them go to the customer.")
    if row.pays_by_profile and not row.payment_email:
        raise ChoiceRefused("Give the e-mail address that the card or bank account is saved under.")
    place = row.store_address
    if place is not None and place.merchant_id != connection.merchant_id:
        raise ChoiceRefused("This address is not one of yours.")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StoreAddress) else value
