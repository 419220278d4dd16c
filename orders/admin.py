"""The operator's view of orders: to look at, never to change. django-q2's own pages could run any code: they are off."""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from accounts.admin import ReadOnlyAdmin
from orders.models import (
    Channel,
    Fulfillment,
    IntakeKey,
    Lane,
    Order,
    OrderAddress,
    OrderEvent,
    OrderLine,
    OrderPush,
    OutboxMessage,
    Parcel,
    Payment,
    PumpBeat,
    PushLine,
)

for q2_model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(q2_model):
        admin.site.unregister(q2_model)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "merchant", "channel", "headline", "payment_status", "push_status", "placed_at")
    list_filter = ("headline", "merchant")
    search_fields = ("number", "external_id", "public_id")
    date_hierarchy = "placed_at"


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "order", "kind", "by")
    list_filter = ("kind",)
    search_fields = ("order__number",)


@admin.register(OrderPush)
class OrderPushAdmin(ReadOnlyAdmin):
    list_display = ("reference", "connection", "status", "remote_name", "pushed_at")
    list_filter = ("status",)
    search_fields = ("reference", "order__number")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("order", "gateway", "reference", "status", "currency", "captured", "refunded")
    list_filter = ("status", "gateway")
    search_fields = ("reference", "order__number")


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("topic", "order", "status", "attempts", "next_attempt_at", "wait_for", "error_reference")
    list_filter = ("topic", "status")
    search_fields = ("key", "error_reference", "order__number")


for model in (Channel, Fulfillment, IntakeKey, Lane, OrderAddress, OrderLine, Parcel, PumpBeat, PushLine):
    admin.site.register(model, ReadOnlyAdmin)
