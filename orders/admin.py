"""The operator's view of orders: to look at, never to change. django-q2's own pages could run any code: they are off."""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from accounts.admin import ReadOnlyAdmin
from orders.models import (
    AcceptDecision,
    AcceptRule,
    AcceptSettings,
    BusinessHours,
    CarrierPickup,
    CarrierPickupOrder,
    Channel,
    DocumentJob,
    Fulfillment,
    IntakeKey,
    LabelBox,
    LabelLine,
    Lane,
    Order,
    OrderAddress,
    OrderEvent,
    OrderLine,
    OrderPush,
    OrderRequirements,
    OrderSync,
    OutboxMessage,
    Parcel,
    Payment,
    PumpBeat,
    PushLine,
    Reexport,
    Refund,
    RefundLine,
    RefundRequest,
    RefundRequestLine,
    RoutingRule,
    ShippingLabel,
    ShipWithin,
    StoreOrigin,
    SyncFault,
    WriteBack,
)

for q2_model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(q2_model):
        admin.site.unregister(q2_model)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "merchant", "channel", "headline", "payment_status", "push_status", "placed_at", "due_at")
    list_filter = ("headline", "merchant", "is_archived")
    search_fields = ("number", "external_id", "public_id")
    date_hierarchy = "placed_at"


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "order", "kind", "by")
    list_filter = ("kind",)
    search_fields = ("order__number",)
    exclude = ("data",)  # what was filled in of the customer stands there


@admin.register(OrderPush)
class OrderPushAdmin(ReadOnlyAdmin):
    list_display = ("reference", "connection", "generation", "status", "remote_name", "pushed_at", "changed_at")
    list_filter = ("status",)
    search_fields = ("reference", "order__number")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("order", "gateway", "reference", "status", "currency", "captured", "refunded")
    list_filter = ("status", "gateway")
    search_fields = ("reference", "order__number")


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ("order", "status", "currency", "amount", "reason", "requested_by", "requested_at", "done_at")
    list_filter = ("status", "reason")
    search_fields = ("public_id", "gateway_id", "order__number")


@admin.register(RefundRequest)
class RefundRequestAdmin(ReadOnlyAdmin):
    list_display = ("order", "status", "reason", "created_at", "decided_at", "decided_by")
    list_filter = ("status", "reason")
    search_fields = ("public_id", "order__number")
    exclude = ("note",)  # the customer's words


@admin.register(OrderRequirements)
class OrderRequirementsAdmin(ReadOnlyAdmin):
    list_display = ("merchant", "channel", "needs_address", "needs_link", "needs_invoice", "needs_customs")
    list_filter = ("merchant",)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("topic", "order", "status", "attempts", "next_attempt_at", "wait_for", "error_reference")
    list_filter = ("topic", "status")
    search_fields = ("key", "error_reference", "order__number")


@admin.register(WriteBack)
class WriteBackAdmin(ReadOnlyAdmin):
    list_display = ("fulfillment", "connection", "state", "told_at")
    list_filter = ("state",)
    search_fields = ("public_id", "fulfillment__order__number")


@admin.register(AcceptRule)
class AcceptRuleAdmin(ReadOnlyAdmin):
    list_display = ("merchant", "position", "verdict", "customer", "listed", "sku_match", "arrived_in")
    list_filter = ("verdict",)
    search_fields = ("public_id", "merchant__slug")


@admin.register(AcceptDecision)
class AcceptDecisionAdmin(ReadOnlyAdmin):
    list_display = ("order", "at", "verdict", "shadow", "text")
    list_filter = ("verdict", "shadow")
    search_fields = ("order__number",)


@admin.register(BusinessHours)
class BusinessHoursAdmin(ReadOnlyAdmin):
    list_display = ("merchant", "confirm_in_business_time", "ship_within_days", "last_resort")
    search_fields = ("merchant__slug",)


@admin.register(OrderSync)
class OrderSyncAdmin(ReadOnlyAdmin):
    list_display = ("channel", "state", "read_until", "new", "changed", "skipped_count", "finished_at", "error")
    list_filter = ("state",)
    search_fields = ("channel__name",)


@admin.register(StoreOrigin)
class StoreOriginAdmin(ReadOnlyAdmin):
    list_display = ("order", "remote_updated_at", "is_over", "attention_at")
    list_filter = ("is_over",)
    search_fields = ("order__number",)


@admin.register(Reexport)
class ReexportAdmin(ReadOnlyAdmin):
    list_display = ("push", "status", "way", "successor", "asked_by", "asked_at", "ended_at")
    list_filter = ("status", "way")
    search_fields = ("public_id", "push__reference", "push__order__number")


@admin.register(SyncFault)
class SyncFaultAdmin(ReadOnlyAdmin):
    list_display = ("connection", "code", "value", "began_at", "told_at", "mails", "repaired_at")
    list_filter = ("code",)
    search_fields = ("value", "connection__name")


@admin.register(DocumentJob)
class DocumentJobAdmin(ReadOnlyAdmin):
    list_display = ("kind", "merchant", "status", "requested_by", "created_at", "ended_at")
    list_filter = ("kind", "status")
    search_fields = ("public_id",)
    exclude = ("content", "refusal")  # customers' names and addresses


@admin.register(CarrierPickup)
class CarrierPickupAdmin(ReadOnlyAdmin):
    list_display = ("reference", "account", "status", "opens_at", "closes_at", "confirmation", "requested_by")
    list_filter = ("status",)
    search_fields = ("public_id", "reference", "confirmation")


@admin.register(ShippingLabel)
class ShippingLabelAdmin(ReadOnlyAdmin):
    list_display = (
        "reference",
        "account",
        "status",
        "service_name",
        "cost_amount",
        "cost_currency",
        "number",
        "bought_by",
    )
    list_filter = ("status",)
    search_fields = ("public_id", "reference", "number")
    exclude = ("recipient",)  # the customer's name and address


@admin.register(LabelBox)
class LabelBoxAdmin(ReadOnlyAdmin):
    exclude = ("image",)  # the customer's name and address


for model in (
    AcceptSettings,
    CarrierPickupOrder,
    Channel,
    Fulfillment,
    IntakeKey,
    LabelLine,
    Lane,
    OrderAddress,
    OrderLine,
    Parcel,
    PumpBeat,
    PushLine,
    RefundLine,
    RefundRequestLine,
    RoutingRule,
    ShipWithin,
):
    admin.site.register(model, ReadOnlyAdmin)
