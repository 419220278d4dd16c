"""The operator's view of connections. Credentials and webhook secrets are never shown."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from connectors.models import CallLog, ClearedCondition, Connection, InboundEvent, Location, ProductLink, SandboxCharge

_SECRET = ("credentials", "webhook_secret")


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("name", "merchant", "platform", "state", "last_success_at", "open_until")
    list_filter = ("platform", "state")
    search_fields = ("name", "shop_domain", "public_id")
    exclude = _SECRET


@admin.register(ProductLink)
class ProductLinkAdmin(ReadOnlyAdmin):
    list_display = ("sku", "connection", "variant_title", "source", "checked_at")
    search_fields = ("sku",)


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnlyAdmin):
    list_display = ("topic", "connection", "gateway", "state", "received_at", "processed_at")
    list_filter = ("state", "topic")


@admin.register(CallLog)
class CallLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "connection", "operation", "status", "outcome", "duration_ms")
    list_filter = ("outcome",)


@admin.register(Location)
class LocationAdmin(ReadOnlyAdmin):
    list_display = ("name", "connection", "is_active")


@admin.register(SandboxCharge)
class SandboxChargeAdmin(ReadOnlyAdmin):
    list_display = ("reference", "currency", "authorized", "captured", "refunded", "state")


@admin.register(ClearedCondition)
class ClearedConditionAdmin(ReadOnlyAdmin):
    list_display = ("key", "at", "released_at")
