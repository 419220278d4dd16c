"""The constraints of what is sent: fulfillments, parcels, labels, pickups and documents."""

from __future__ import annotations

from typing import Any

from orders.models import (
    CarrierPickup,
    CarrierPickupOrder,
    DocumentJob,
    Fulfillment,
    FulfillmentLine,
    LabelBox,
    LabelLine,
    Parcel,
    ShippingLabel,
)
from tests.constraints.of_connectors import carrier
from tests.constraints.of_pushes import push
from tests.constraints.rows import LATER, Broken, Twice
from tests.factories import NOON, make_merchant, make_order

QUOTED = {"service": "01", "quoted_amount": 9, "quoted_currency": "NZD"}
BOUGHT = {"status": "bought", "bought_at": NOON, "bought_by": "ana", "number": "1Z", **QUOTED}


def fulfillment() -> Fulfillment:
    return Fulfillment.objects.create(order=make_order(), status="success", created_at=NOON, key="k")


def fulfillment_there() -> Fulfillment:
    there = push()
    return Fulfillment.objects.create(order=there.order, push=there, remote_id="F1", status="success", created_at=NOON)


def ready() -> Fulfillment:
    return Fulfillment.objects.create(
        order=make_order(), status="ready", created_at=NOON, ready_at=NOON, pickup_code="AB12"
    )


def collected() -> Fulfillment:
    return Fulfillment.objects.create(
        order=make_order(), status="success", created_at=NOON, ready_at=NOON, pickup_code="AB12", collected_at=LATER,
        collected_by="Harriet",
    )  # fmt: skip


def fulfillment_line() -> FulfillmentLine:
    sent = fulfillment()
    return FulfillmentLine.objects.create(fulfillment=sent, line=sent.order.lines.earliest("pk"), quantity=1)


def parcel() -> Parcel:
    return Parcel.objects.create(
        fulfillment=fulfillment(), number="P1", weight_g=900, length_mm=300, width_mm=200, height_mm=100
    )


def parcel_without_number() -> Parcel:
    return Parcel.objects.create(fulfillment=fulfillment())


def label(**fields: Any) -> ShippingLabel:
    account = carrier()
    return ShippingLabel.objects.create(
        **{"order": make_order(account.merchant), "account": account, "reference": "1", "contents": "stools", "value": 1,
           "requested_by": "ana", "requested_at": NOON, **fields}
    )  # fmt: skip


def bought() -> ShippingLabel:
    return label(**BOUGHT)


def voided() -> ShippingLabel:
    return label(**{**BOUGHT, "status": "voided", "voided_at": LATER})


def handed_over(row: ShippingLabel) -> dict[str, Any]:
    sent = Fulfillment.objects.create(order=row.order, status="success", created_at=NOON)
    return {"fulfillment": sent}


def label_line() -> LabelLine:
    row = label()
    return LabelLine.objects.create(label=row, line=row.order.lines.earliest("pk"), quantity=1)


def label_box() -> LabelBox:
    return LabelBox.objects.create(label=label(), position=0, weight_g=900)


def pickup(**fields: Any) -> CarrierPickup:
    return CarrierPickup.objects.create(
        **{"account": carrier(), "reference": "1", "opens_at": NOON, "closes_at": LATER, "requested_by": "ana",
           "requested_at": NOON, **fields}
    )  # fmt: skip


def scheduled() -> CarrierPickup:
    return pickup(status="scheduled", scheduled_at=NOON, confirmation="C1")


def cancelled() -> CarrierPickup:
    return pickup(status="cancelled", cancelled_at=NOON)


def pickup_order() -> CarrierPickupOrder:
    there = pickup()
    return CarrierPickupOrder.objects.create(
        pickup=there, order=make_order(there.account.merchant), parcels=1, weight_g=1
    )


def document() -> DocumentJob:
    return DocumentJob.objects.create(
        merchant=make_merchant(), kind="packing_slip", requested_by="ana", created_at=NOON
    )


BROKEN = [
    Broken("fulfillment_status_known", fulfillment, {"status": "lost"}),
    Broken("fulfillment_remote_id_iff_push", fulfillment, {"remote_id": "F1"}),
    Broken("fulfillment_remote_id_iff_push", fulfillment_there, {"remote_id": ""}),
    Broken("fulfillment_pickup_code_iff_ready", fulfillment, {"pickup_code": "AB12"}),
    Broken("fulfillment_pickup_code_iff_ready", ready, {"pickup_code": ""}),
    Broken("fulfillment_ready_waits_for_customer", fulfillment, {"status": "ready"}),
    Broken("fulfillment_ready_waits_for_customer", collected, {"status": "ready"}),
    Broken("fulfillment_collected_by_iff_collected", fulfillment, {"collected_by": "Harriet"}),
    Broken("fulfillment_collected_by_iff_collected", collected, {"collected_by": ""}),
    Broken("fulfillment_collected_by_iff_collected", collected, {"ready_at": None, "pickup_code": ""}),
    Broken("fulfillment_line_quantity_positive", fulfillment_line, {"quantity": 0}),
    Broken("parcel_told_has_number", parcel_without_number, {"told_at": NOON}),
    Broken("parcel_size_is_whole", parcel, {"length_mm": None}),
    Broken("parcel_size_is_whole", parcel, {"width_mm": None}),
    Broken("parcel_size_is_whole", parcel, {"height_mm": None}),
    Broken("parcel_size_is_whole", parcel, {"length_mm": 0}),
    Broken("parcel_weight_positive", parcel, {"weight_g": 0}),
    Broken("shipping_label_status_known", label, {"status": "lost"}),
    Broken("shipping_label_says_why", label, {"status": "refused"}),
    Broken("shipping_label_says_why", label, {"status": "unsure", "maybe_bought_at": NOON, **QUOTED}),
    Broken("shipping_label_unsure_since", label, {"status": "unsure", "reason": "No answer.", **QUOTED}),
    Broken("shipping_label_number_iff_bought", label, {"number": "1Z"}),
    Broken("shipping_label_number_iff_bought", label, {"bought_at": NOON}),
    Broken("shipping_label_number_iff_bought", bought, {"number": ""}),
    Broken("shipping_label_number_iff_bought", bought, {"bought_at": None}),
    Broken("shipping_label_number_iff_bought", bought, {"bought_by": ""}),
    Broken("shipping_label_voided_at_iff_voided", label, {"voided_at": NOON}),
    Broken("shipping_label_voided_at_iff_voided", voided, {"voided_at": None}),
    Broken("shipping_label_bought_was_chosen", label, {"status": "buying"}),
    Broken("shipping_label_bought_was_chosen", bought, {"service": ""}),
    Broken("shipping_label_bought_was_chosen", bought, {"quoted_amount": None, "quoted_currency": ""}),
    Broken("shipping_label_quote_is_money", label, {"quoted_amount": 1}),
    Broken("shipping_label_quote_is_money", label, {"quoted_currency": "NZD"}),
    Broken("shipping_label_quote_is_money", label, {"quoted_amount": -1, "quoted_currency": "NZD"}),
    Broken("shipping_label_cost_is_money", label, {"cost_amount": 1}),
    Broken("shipping_label_cost_is_money", label, {"cost_currency": "NZD"}),
    Broken("shipping_label_cost_is_money", label, {"cost_amount": -1, "cost_currency": "NZD"}),
    Broken("shipping_label_shipped_is_bought", label, handed_over),
    Broken("label_line_quantity_positive", label_line, {"quantity": 0}),
    Broken("label_box_weight_positive", label_box, {"weight_g": 0}),
    Broken("label_box_image_has_number", label_box, {"image": b"GIF89a"}),
    Broken("carrier_pickup_status_known", pickup, {"status": "lost"}),
    Broken("carrier_pickup_window_is_one", pickup, {"closes_at": NOON}),
    Broken("carrier_pickup_failed_says_why", pickup, {"status": "failed"}),
    Broken("carrier_pickup_scheduled_has_number", scheduled, {"confirmation": ""}),
    Broken("carrier_pickup_scheduled_has_number", scheduled, {"scheduled_at": None}),
    Broken("carrier_pickup_scheduled_has_number", pickup, {"status": "cancelling"}),
    Broken("carrier_pickup_cancelled_at_iff_cancelled", pickup, {"cancelled_at": NOON}),
    Broken("carrier_pickup_cancelled_at_iff_cancelled", cancelled, {"cancelled_at": None}),
    Broken("carrier_pickup_order_is_something", pickup_order, {"parcels": 0}),
    Broken("carrier_pickup_order_is_something", pickup_order, {"weight_g": 0}),
    Broken("document_kind_known", document, {"kind": "lost"}),
    Broken("document_job_has_what_its_status_says", document, {"status": "done"}),
    Broken("document_job_has_what_its_status_says", document, {"status": "refused", "ended_at": NOON}),
    Broken("document_job_has_what_its_status_says", document, {"content": b"%PDF"}),
    Broken("document_job_has_what_its_status_says", document, {"refusal": "No lines."}),
]
TWICE = [
    Twice("fulfillment_once_per_push", fulfillment_there),
    Twice("fulfillment_once_per_key", fulfillment),
    Twice("fulfillment_line_once", fulfillment_line),
    Twice("parcel_once_per_fulfillment", parcel),
    Twice("shipping_label_reference_once", label),
    Twice("label_line_once", label_line),
    Twice("label_box_position_once", label_box),
    Twice("carrier_pickup_reference_once", pickup),
    Twice("carrier_pickup_order_once", pickup_order),
]
