"""Test orders: the supplier is asked to accept one unit and to cancel it at once, under a PO number of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.services import audit
from connectors.base import (
    Address,
    OutboundLine,
    OutboundOrder,
    PushOptions,
    RemoteRef,
    RemoteVariant,
    SupplierConnector,
    SupplierOptions,
)
from connectors.errors import ConnectorError, HostRefusedError, OutcomeUnknownError, RejectedError
from connectors.models import Connection, StoreAddress, SupplierTestOrder, SupplierTestState
from connectors.services import installation, suppliers

_MARGIN = timedelta(hours=1)  # around our clock and the supplier's
_LOST = "The supplier gave no answer. Send the test again: it is looked for first."
_TWICE = "Another test order is being sent right now."


def send(*, connection_id: int, sku: str, address: StoreAddress, by: str, at: datetime) -> SupplierTestOrder:
    """Send one and return what became of it; one without an answer is looked for before another is sent.

    Network: never in a transaction. Raises ConnectorError when the supplier cannot be asked at all; then nothing was
    sent.
    """
    connection = Connection.objects.select_related("merchant").get(pk=connection_id)
    connector = suppliers.driver(connection)
    last = connection.test_orders.filter(state=SupplierTestState.SENDING).first()
    if last is not None:
        return _settle(last, connector, at=at)
    variant = _variant(connector, sku)
    test = _promise(connection, sku, by=by, at=at)
    return _carry_out(test, _order(test, connection, variant, address, at=at), variant, connector)


def _settle(test: SupplierTestOrder, connector: SupplierConnector, *, at: datetime) -> SupplierTestOrder:
    """Find out what became of one that had no answer. Not there proves nothing before the driver's horizon."""
    refs = connector.find(test.reference + connector.test_suffix, since=test.sent_at - _MARGIN)
    if refs:
        return _passed(test, refs[0], connector)
    if at < test.sent_at + timedelta(seconds=connector.horizon_s):
        return test
    return _end(test, SupplierTestState.FAILED, message="It did not arrive. Send another.")


def _variant(connector: SupplierConnector, sku: str) -> RemoteVariant:
    found = connector.find_variants([sku])[sku]
    if len(found) != 1:
        raise RejectedError(f"The supplier has {len(found) or 'no'} products with SKU {sku}.")
    return found[0]


def _promise(connection: Connection, sku: str, *, by: str, at: datetime) -> SupplierTestOrder:
    """The row stands before anything is sent; a second click runs into it."""
    try:
        with transaction.atomic():
            test = SupplierTestOrder.objects.create(
                connection=connection, sku=sku, sent_at=at, by=by, message=_LOST, installation=installation.token()
            )
            audit.record(
                merchant=connection.merchant, kind="supplier.test", subject=connection.name, by=by, at=at, sku=sku
            )
            return test
    except IntegrityError:
        raise RejectedError(_TWICE) from None


def _carry_out(
    test: SupplierTestOrder, order: OutboundOrder, variant: RemoteVariant, connector: SupplierConnector
) -> SupplierTestOrder:
    blockers = connector.preflight(order, {variant.variant_id: variant})
    if blockers:
        return _end(test, SupplierTestState.FAILED, message=" ".join(blocker.message for blocker in blockers))
    try:
        ref = connector.create(order)
    except (OutcomeUnknownError, HostRefusedError):
        return test
    except ConnectorError as error:
        return _end(test, SupplierTestState.FAILED, message=str(error))
    return _passed(test, ref, connector)


def _passed(test: SupplierTestOrder, ref: RemoteRef, connector: SupplierConnector) -> SupplierTestOrder:
    """With the supplier's numbers: read, or as it named the order when it was placed."""
    try:
        remote = connector.read(ref.remote_id)
    except ConnectorError:
        remote = None
    numbers = [part.number for part in (remote.parts or ())] if remote else []
    return _end(test, SupplierTestState.PASSED, numbers=numbers or [ref.name])


def _end(
    test: SupplierTestOrder, state: SupplierTestState, *, numbers: list[str] | None = None, message: str = ""
) -> SupplierTestOrder:
    test.state, test.numbers, test.message = state, numbers or [], message[:500]
    test.save(update_fields=["state", "numbers", "message"])
    return test


def _order(
    test: SupplierTestOrder, connection: Connection, variant: RemoteVariant, address: StoreAddress, *, at: datetime
) -> OutboundOrder:
    """One unit to the merchant's own address, with the choices that real orders have."""
    chosen = suppliers.options_of(connection)
    place = suppliers.neutral(address)
    return OutboundOrder(
        reference=test.reference,
        number=test.reference,
        channel_name="Storeward",
        placed_at=at,
        currency=connection.currency,
        prices_include_tax=False,
        lines=(OutboundLine("test", test.sku, variant.title, 1, unit_price=Decimal(0), variant_id=variant.variant_id),),
        subtotal=Decimal(0),
        discount=Decimal(0),
        shipping=Decimal(0),
        shipping_title="",
        shipping_taxes=(),
        tax=Decimal(0),
        total=Decimal(0),
        billing=place,
        shipping_address=place,
        pickup=None,
        customer_name=place.company,
        customer_email="",
        customer_phone=place.phone,
        customer_note="",
        attributes={},
        options=PushOptions(order_url=settings.BASE_URL, supplier=_as_test(chosen, place)),
        paid_at=at,
    )


def _as_test(chosen: SupplierOptions, place: Address) -> SupplierOptions:
    return SupplierOptions(
        shipping_method=chosen.shipping_method,
        payment_email=chosen.payment_email,
        payment_profile_id=chosen.payment_profile_id,
        store_address=place,
        test_order=True,
    )
