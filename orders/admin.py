"""The operator's view of orders: to look at, and to try again what is held. Customers' data stands on no page.

django-q2's own pages could run any code: they are off.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django_q.models import Failure, OrmQ, Schedule, Success

from accounts.admin import ReadOnlyAdmin
from orders.errors import OrderError
from orders.models import (
    AcceptDecision,
    AcceptRule,
    AcceptSettings,
    BusinessHours,
    CarrierPickup,
    CarrierPickupOrder,
    Channel,
    DocumentJob,
    DraftFault,
    Fulfillment,
    FulfillmentLine,
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
    PushPart,
    ReadyNotice,
    Reexport,
    Refund,
    RefundLine,
    RefundPicture,
    RefundRequest,
    RefundRequestLine,
    RoutingRule,
    ShippingLabel,
    ShipWithin,
    StoreOrigin,
    SyncFault,
    WakeUp,
    WriteBack,
)
from orders.services import held


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of an order, each with a link to its own page."""

    extra = 0
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = ("gateway", "reference", "status", "currency", "authorized", "captured", "refunded", "failure_message")


class PushInline(ReadOnlyInline):
    model = OrderPush
    fields = ("reference", "connection", "generation", "status", "reason", "wait_for", "remote_name", "pushed_at")


class MessageInline(ReadOnlyInline):
    model = OutboxMessage
    verbose_name_plural = "Promises"
    fields = ("topic", "status", "reason", "wait_for", "attempts", "next_attempt_at", "error_reference")


class EventInline(ReadOnlyInline):
    model = OrderEvent
    verbose_name_plural = "History"
    fields = ("at", "kind", "text", "by")
    ordering = ("-at", "-pk")


for q2_model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(q2_model):
        admin.site.unregister(q2_model)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "merchant", "channel", "headline", "payment_status", "push_status", "placed_at", "due_at")
    list_filter = ("headline", "merchant", "is_archived", "needs_look")
    search_fields = ("number", "external_id", "public_id")
    date_hierarchy = "placed_at"
    readonly_fields = ("headline", "needs_look", "due_at", "stands_still_for", "cancel_wished_at")
    fieldsets = (
        (
            None,
            {"fields": ("number", "external_id", "public_id", "merchant", "channel", "headline", "stands_still_for")},
        ),
        (
            "States",
            {"fields": ("status", "payment_status", "push_status", "fulfillment_status", "is_archived", "needs_look")},
        ),
        ("Times", {"fields": ("placed_at", "received_at", "due_at", "confirm_by", "authorized_until", "ship_by")}),
        (
            "Decision",
            {
                "fields": (
                    "decided_at",
                    "decided_by",
                    "decision_reason",
                    "auto_accepted",
                    "cancel_wished_at",
                    "completed_at",
                )
            },
        ),
        ("Money", {"fields": ("currency", "subtotal", "discount", "shipping", "tax", "total")}),
    )
    inlines = (PaymentInline, PushInline, MessageInline, EventInline)

    @admin.display(description="stands still for")
    def stands_still_for(self, order: Order) -> SafeString | str:
        """Every blocker of the order and of its pushes."""
        held = [item for push in order.pushes.all() for item in push.blockers]
        rows = ((item["code"], item["message"]) for item in [*order.blockers, *held])
        return format_html_join("", "<p><code>{}</code> {}</p>", rows) or "-"


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
    exclude = ("sent_calls", "changes", "blockers")  # what was sent names the customer


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
    list_display = (
        "merchant",
        "channel",
        "needs_payment",
        "needs_value",
        "needs_address",
        "needs_link",
        "needs_invoice",
        "needs_customs",
    )
    list_filter = ("merchant",)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("topic", "order", "status", "attempts", "next_attempt_at", "wait_for", "error_reference")
    list_filter = ("topic", "status")
    search_fields = ("key", "error_reference", "order__number")
    actions = ("try_again",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_outboxmessage")

    @admin.action(description="Try again what is held", permissions=["retry"])
    def try_again(self, request: HttpRequest, chosen: QuerySet[OutboxMessage]) -> None:
        done = 0
        for message_id in chosen.values_list("pk", flat=True):
            try:
                held.try_again(message_id=message_id, by=request.user.get_username(), at=timezone.now())
            except OrderError as refusal:
                self.message_user(request, str(refusal), messages.WARNING)
            else:
                done += 1
        self.message_user(request, f"{done} will be tried again.", messages.SUCCESS if done else messages.INFO)


@admin.register(WriteBack)
class WriteBackAdmin(ReadOnlyAdmin):
    list_display = ("fulfillment", "connection", "state", "told_at")
    list_filter = ("state",)
    search_fields = ("public_id", "fulfillment__order__number")


@admin.register(ReadyNotice)
class ReadyNoticeAdmin(ReadOnlyAdmin):
    list_display = ("order", "connection", "state", "told_at")
    list_filter = ("state",)
    search_fields = ("public_id", "order__number")


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
    list_display = (
        "channel",
        "state",
        "read_until",
        "new",
        "changed",
        "skipped_count",
        "finished_at",
        "failing_since",
        "error",
    )
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


@admin.register(DraftFault)
class DraftFaultAdmin(ReadOnlyAdmin):
    list_display = ("merchant", "channel", "code", "began_at", "told_at", "mails", "ended_at")
    list_filter = ("code",)


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


@admin.register(PushPart)
class PushPartAdmin(ReadOnlyAdmin):
    list_display = ("number", "push", "warehouse", "status", "expected_on")
    list_filter = ("status",)
    search_fields = ("number", "push__reference")


@admin.register(RefundPicture)
class RefundPictureAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "request_line")
    exclude = ("content",)  # the customer's


@admin.register(Fulfillment)
class FulfillmentAdmin(ReadOnlyAdmin):
    list_display = ("order", "status", "remote_id")
    list_select_related = ("order",)
    exclude = ("pickup_code", "collected_by")  # who has the code gets the parcel; who came for it


@admin.register(OrderAddress)
class OrderAddressAdmin(ReadOnlyAdmin):
    """Where to, without whom: the merchant's page shows the rest."""

    list_display = ("order", "kind", "country_code")
    list_select_related = ("order",)
    fields = ("order", "kind", "country_code", "province_code")


for model in (
    AcceptSettings,
    CarrierPickupOrder,
    Channel,
    FulfillmentLine,
    IntakeKey,
    LabelLine,
    Lane,
    OrderLine,
    Parcel,
    PumpBeat,
    PushLine,
    RefundLine,
    RefundRequestLine,
    RoutingRule,
    ShipWithin,
    WakeUp,
):
    admin.site.register(model, ReadOnlyAdmin)
