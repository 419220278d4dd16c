from orders.models.event import OrderEvent
from orders.models.fulfillment import Fulfillment, FulfillmentLine, Parcel
from orders.models.order import Channel, IntakeKey, Order, OrderAddress, OrderLine
from orders.models.outbox import Lane, OutboxMessage, PumpBeat, WakeUp
from orders.models.payment import Payment
from orders.models.push import OrderPush, PushLine

__all__ = [
    "Channel",
    "Fulfillment",
    "FulfillmentLine",
    "IntakeKey",
    "Lane",
    "Order",
    "OrderAddress",
    "OrderEvent",
    "OrderLine",
    "OrderPush",
    "OutboxMessage",
    "Parcel",
    "Payment",
    "PumpBeat",
    "PushLine",
    "WakeUp",
]
