"""What must never be true is refused by the database: one test for each constraint that no other test breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from accounts.models import ApiKey, Invitation, Membership, User, new_public_id
from connectors.models import (
    CarrierAccount,
    CatalogReading,
    CatalogVariant,
    Connection,
    InboundEvent,
    Location,
    PartnerSettings,
    Partnership,
    ProductLink,
    PurchaseOrder,
    PurchaseShipment,
    SandboxCharge,
    SupplierTestOrder,
    UnlinkedSku,
)
from connectors.practice.models import PracticeOrder, PracticeRefund, PracticeShop, PracticeWebhook
from orders.models import (
    AcceptDecision,
    CarrierPickup,
    CarrierPickupOrder,
    OrderPush,
    PushLine,
    Reexport,
    Refund,
    RefundLine,
    RefundRequest,
    RoutingRule,
)
from tests.factories import NOON, make_connection, make_marketplace, make_member, make_merchant, make_order, make_user

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
Row = Callable[[], models.Model]


# --- rows that are right ---------------------------------------------------------------------------


def membership() -> Membership:
    return Membership.objects.get(user=make_member(make_merchant()))


def invitation() -> Invitation:
    return Invitation.objects.create(
        merchant=make_merchant(), email="new@kauri.example", role="viewer", token_digest=new_public_id(), created_at=NOON,
        expires_at=LATER, invited_by=make_user(),
    )  # fmt: skip


def api_key() -> ApiKey:
    return ApiKey.objects.create(
        merchant=make_merchant(), name="x", prefix=new_public_id()[:8], digest=new_public_id(), created_at=NOON
    )


def partners_row() -> Connection:
    return make_connection(source=make_connection(), shop_domain="")


def location() -> Location:
    return Location.objects.create(connection=make_connection(), remote_id="1", name="Warehouse")


def carrier() -> CarrierAccount:
    return CarrierAccount.objects.create(
        merchant=make_merchant(), carrier="mail", name="Courier", email="pickup@courier.example", company="Kauri",
        contact="Ana", phone="1", address1="1 Quay Street", city="Auckland", country_code="NZ",
    )  # fmt: skip


def variant() -> CatalogVariant:
    return CatalogVariant.objects.create(connection=make_connection(), variant_id="1", seen_at=NOON)


def reading() -> CatalogReading:
    return CatalogReading.objects.create(
        connection=make_connection(), state="done", started_at=NOON, finished_at=LATER, completed_at=LATER
    )


def store_event() -> InboundEvent:
    return InboundEvent.objects.create(
        connection=make_connection(), event_id="1", topic="x", body_digest="0", received_at=NOON
    )


def payment_event() -> InboundEvent:
    return InboundEvent.objects.create(gateway="stripe", event_id="1", topic="x", body_digest="0", received_at=NOON)


def partnership() -> Partnership:
    return Partnership.objects.create(
        source=make_merchant(),
        asked_by="source",
        email="mia@atua.example",
        token_digest="digest",
        invited_at=NOON,
        expires_at=LATER,
    )


def accepted() -> Partnership:
    store = make_connection()
    destination = make_merchant()
    return Partnership.objects.create(
        source=store.merchant, destination=destination, asked_by="source", invited_at=NOON, expires_at=LATER, state="accepted",
        source_connection=store, decided_at=NOON, decided_by="ana",
        connection=make_connection(destination, source=store, shop_domain=""),
    )  # fmt: skip


def accepted_again(row: Partnership) -> Partnership:
    """A second one for the same store and destination, with a connection of its own."""
    stands_for = make_connection(row.destination, source=row.source_connection, shop_domain="")
    return again(row, connection=stands_for, token_digest="")


def partner_settings() -> PartnerSettings:
    return PartnerSettings.objects.create(partnership=partnership())


def link() -> ProductLink:
    return ProductLink.objects.create(connection=make_connection(), sku="A", variant_id="1", checked_at=NOON)


def unlinked() -> UnlinkedSku:
    return UnlinkedSku.objects.create(connection=make_connection(), sku="A", reason="gone", seen_at=NOON)


def purchase_order() -> PurchaseOrder:
    return PurchaseOrder.objects.create(
        connection=make_connection(), reference="1", created_at=NOON, updated_at=NOON, state="sent", units=[]
    )


def shipment() -> PurchaseShipment:
    return PurchaseShipment.objects.create(order=purchase_order(), sku="A", quantity=1, updated_at=NOON)


def charge() -> SandboxCharge:
    return SandboxCharge.objects.create(
        reference="1", currency="NZD", authorized=10, captured=5, state="succeeded", capture_before=LATER
    )


def test_order() -> SupplierTestOrder:
    return SupplierTestOrder.objects.create(connection=make_connection(), sku="A", sent_at=NOON, by="ana")


test_order.__test__ = False


def shop() -> PracticeShop:
    return PracticeShop.objects.create(slug="rimu", domain="rimu.example", name="Rimu", currency="NZD")


def practice_order() -> PracticeOrder:
    return PracticeOrder.objects.create(
        shop=shop(), name="#1", created_at=NOON, updated_at=NOON, currency="NZD", taxes_included=True,
        subtotal=1, discount=0, shipping=0, tax=0, total=1,
    )  # fmt: skip


def practice_refund() -> PracticeRefund:
    return PracticeRefund.objects.create(order=practice_order(), amount=1, key="k", created_at=NOON)


def practice_webhook() -> PracticeWebhook:
    return PracticeWebhook.objects.create(shop=shop(), topic="x", uri="y", created_at=NOON)


def push() -> OrderPush:
    return make_order(connections=[make_connection()]).pushes.get()


def push_line() -> PushLine:
    return push().push_lines.first()


def reexport() -> Reexport:
    return Reexport.objects.create(push=push(), status="looking", asked_by="ana", asked_at=NOON)


def refund_request() -> RefundRequest:
    return RefundRequest.objects.create(order=make_order(), reason="late", created_at=NOON)


def refund_line() -> RefundLine:
    order = make_order()
    refund = Refund.objects.create(
        order=order, currency="NZD", amount=1, reason="late", requested_by="ana", requested_at=NOON
    )
    return RefundLine.objects.create(refund=refund, line=order.lines.first(), quantity=1, amount=1)


def rule() -> RoutingRule:
    store = make_connection()
    return RoutingRule.objects.create(
        merchant=store.merchant, position=0, kind="sku_prefix", value="A", connection=store
    )


def decision() -> AcceptDecision:
    return AcceptDecision.objects.create(order=make_order(), verdict="ask", text="Because.", at=NOON, shadow=False)


def pickup() -> CarrierPickup:
    return CarrierPickup.objects.create(
        account=carrier(), reference="1", opens_at=NOON, closes_at=LATER, requested_by="ana",
        requested_at=NOON,
    )  # fmt: skip


def pickup_order() -> CarrierPickupOrder:
    there = pickup()
    return CarrierPickupOrder.objects.create(
        pickup=there, order=make_order(there.account.merchant), parcels=1, weight_g=1
    )


# --- what breaks them ------------------------------------------------------------------------------

BROKEN: list[tuple[str, Row, dict[str, Any]]] = [
    ("merchant_confirm_within_1_to_720_hours", make_merchant, {"confirm_within_hours": 0}),
    ("merchant_confirm_within_1_to_720_hours", make_merchant, {"confirm_within_hours": 721}),
    ("membership_role_known", membership, {"role": "king"}),
    ("invitation_role_known", invitation, {"role": "king"}),
    ("api_key_of_marketplace_or_merchant", api_key, {"merchant": None}),
    ("connection_state_known", make_connection, {"state": "lost"}),
    ("connection_of_a_partner_tells_nothing", partners_row, {"shop_domain": "atua.example"}),
    ("connection_default_is_a_destination", make_connection, {"is_default": True, "is_destination": False}),
    ("carrier_account_state_known", carrier, {"state": "lost"}),
    ("carrier_account_can_be_reached", carrier, {"email": ""}),
    ("catalog_reading_state_known", reading, {"state": "lost"}),
    ("catalog_reading_says_why", reading, {"state": "failed"}),
    ("inbound_from_connection_or_gateway", store_event, {"gateway": "stripe"}),
    ("inbound_from_connection_or_gateway", payment_event, {"gateway": ""}),
    ("inbound_processed_at_iff_not_new", store_event, {"processed_at": NOON}),
    ("inbound_processed_at_iff_not_new", store_event, {"state": "done"}),
    ("partnership_who_asked_is_known", partnership, {"source": None}),
    ("partner_email_policy_known", partner_settings, {"email_policy": "lost"}),
    ("partner_other_email_iff_other", partner_settings, {"email_policy": "other"}),
    ("partner_other_email_iff_other", partner_settings, {"other_email": "mia@atua.example"}),
    ("unlinked_reason_known", unlinked, {"reason": "lost"}),
    ("unlinked_skipped_by_somebody", unlinked, {"skipped_at": NOON}),
    ("purchase_order_state_known", purchase_order, {"state": "lost"}),
    ("purchase_shipment_of_something", shipment, {"quantity": 0}),
    ("sandbox_captured_within_authorized", charge, {"captured": 11}),
    ("sandbox_refunded_within_captured", charge, {"refunded": 6}),
    ("supplier_test_state_known", test_order, {"state": "lost"}),
    ("practice_order_total_not_negative", practice_order, {"total": -1}),
    ("practice_refund_not_negative", practice_refund, {"amount": -1}),
    ("order_status_known", make_order, {"status": "lost", "decided_at": NOON, "decided_by": "ana"}),
    ("accept_decision_verdict_known", decision, {"verdict": "maybe"}),
    ("push_fee_not_negative", push, {"shipping_fee": Decimal(-1)}),
    ("push_sent_calls_have_time", push, {"sent_calls": [{}]}),
    ("push_line_routed_by_known", push_line, {"routed_by": "chance"}),
    ("reexport_status_known", reexport, {"status": "lost", "ended_at": NOON}),
    ("refund_request_status_known", refund_request, {"status": "lost", "decided_at": NOON, "decided_by": "ana"}),
    ("refund_line_amount_not_negative", refund_line, {"amount": -1}),
    ("refund_line_not_sent_within_quantity", refund_line, {"not_sent": 2}),
]
TWICE: list[tuple[str, Row]] = [
    ("membership_once_per_merchant", membership),
    ("invitation_one_open_per_address", invitation),
    ("location_once_per_connection", location),
    ("catalog_variant_once", variant),
    ("inbound_once_per_connection", store_event),
    ("inbound_once_per_gateway", payment_event),
    ("partnership_token_once", partnership),
    ("product_link_once_per_sku", link),
    ("unlinked_sku_once", unlinked),
    ("purchase_shipment_once", shipment),
    ("practice_order_name_once", practice_order),
    ("practice_refund_once_per_key", practice_refund),
    ("practice_webhook_once", practice_webhook),
    ("carrier_pickup_reference_once", pickup),
    ("carrier_pickup_order_once", pickup_order),
    ("routing_rule_condition_once_per_merchant", rule),
]


def again(row: Any, **fields: Any) -> Any:
    """The same row once more, with ids of its own."""
    row.pk, row._state.adding = None, True
    own = {name: new_public_id() for name in ("public_id",) if hasattr(row, name)}
    if isinstance(row, Invitation):
        own["token_digest"] = new_public_id()
    for name, value in {**own, **fields}.items():
        setattr(row, name, value)
    row.save()
    return row


def assert_refused_by(name: str, model: type[models.Model], error: pytest.ExceptionInfo[IntegrityError]) -> None:
    """PostgreSQL names every constraint; SQLite names the columns of one that makes rows unique."""
    known = next(each for each in model._meta.constraints if each.name == name)
    if connection.vendor == "postgresql" or not getattr(known, "fields", ()):
        assert name in str(error.value)
        return
    columns = [model._meta.get_field(each).column for each in known.fields]
    assert str(error.value).endswith(", ".join(f"{model._meta.db_table}.{column}" for column in columns))


@pytest.mark.parametrize(("name", "row", "fields"), BROKEN, ids=[f"{name}-{fields}" for name, _, fields in BROKEN])
def test_a_row_cannot_become(name: str, row: Row, fields: dict[str, Any]):
    right = row()

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        type(right)._base_manager.filter(pk=right.pk).update(**fields)

    assert_refused_by(name, type(right), error)


@pytest.mark.parametrize(("name", "row"), TWICE, ids=[name for name, _ in TWICE])
def test_a_row_cannot_be_there_twice(name: str, row: Row):
    right = row()

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        again(right)

    assert_refused_by(name, type(right), error)


def test_one_store_is_shared_with_one_destination_once():
    row = accepted()

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        accepted_again(row)

    assert_refused_by("partnership_store_once_per_destination", Partnership, error)


def test_an_address_of_mail_has_one_account_however_it_is_written():
    make_user(email="ana@kauri.example")

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        User.objects.create(email="ANA@kauri.example")

    assert "user_email_once_in_any_case" in str(error.value)


def test_a_key_is_not_of_both_a_merchant_and_a_marketplace():
    key = api_key()

    with pytest.raises(IntegrityError) as error, transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(marketplace=make_marketplace())

    assert_refused_by("api_key_of_marketplace_or_merchant", ApiKey, error)
