from orders.models.accept_rule import AcceptDecision, AcceptRule, AcceptSettings
from orders.models.address import OrderAddress
from orders.models.business_hours import BusinessHours, ShipWithin
from orders.models.carrier_pickup import CarrierPickup, CarrierPickupOrder
from orders.models.document import DocumentJob
from orders.models.draft_fault import DraftFault
from orders.models.event import OrderEvent
from orders.models.fulfillment import Fulfillment, FulfillmentLine, Parcel
from orders.models.intake_key import IntakeKey
from orders.models.order import Channel, Order, OrderLine
from orders.models.outbox import Lane, OutboxMessage, PumpBeat, WakeUp
from orders.models.payment import Payment
from orders.models.push import OrderPush, PushLine
from orders.models.push_part import PushPart
from orders.models.ready_notice import ReadyNotice
from orders.models.reexport import Reexport
from orders.models.refund import Refund, RefundLine, RefundPicture, RefundRequest, RefundRequestLine
from orders.models.requirements import OrderRequirements
from orders.models.routing import RoutingRule
from orders.models.shipping_label import LABEL_TRANSITIONS, LabelBox, LabelLine, LabelStatus, ShippingLabel
from orders.models.store_order import OrderSync, StoreOrigin
from orders.models.sync_fault import SyncFault
from orders.models.write_back import WriteBack

__all__ = [
    "LABEL_TRANSITIONS",
    "AcceptDecision",
    "AcceptRule",
    "AcceptSettings",
    "BusinessHours",
    "CarrierPickup",
    "CarrierPickupOrder",
    "Channel",
    "DocumentJob",
    "DraftFault",
    "Fulfillment",
    "FulfillmentLine",
    "IntakeKey",
    "LabelBox",
    "LabelLine",
    "LabelStatus",
    "Lane",
    "Order",
    "OrderAddress",
    "OrderEvent",
    "OrderLine",
    "OrderPush",
    "OrderRequirements",
    "OrderSync",
    "OutboxMessage",
    "Parcel",
    "Payment",
    "PumpBeat",
    "PushLine",
    "PushPart",
    "ReadyNotice",
    "Reexport",
    "Refund",
    "RefundLine",
    "RefundPicture",
    "RefundRequest",
    "RefundRequestLine",
    "RoutingRule",
    "ShipWithin",
    "ShippingLabel",
    "StoreOrigin",
    "SyncFault",
    "WakeUp",
    "WriteBack",
]
