"""The operator's view of connections. Credentials and webhook secrets are never shown."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from connectors.models import (
    Authorization,
    CallLog,
    CarrierAccount,
    CatalogReading,
    CatalogVariant,
    ClearedCondition,
    Connection,
    InboundEvent,
    Installation,
    LinkImport,
    Location,
    PartnerSettings,
    Partnership,
    PartnerShippingRule,
    Plan,
    PlatformPace,
    PrivacyRequest,
    ProductLink,
    PurchaseOrder,
    PurchaseShipment,
    SandboxCharge,
    ShippingRule,
    StoreAddress,
    SupplierSettings,
    SupplierTestOrder,
    SyncSettings,
    TaxPreset,
    TrackingFile,
    UnlinkedSku,
)
from connectors.practice import models as practice
from connectors.practice.carriers.models import PracticeCarrier, PracticeCarrierPickup, PracticeLabel

_SECRET = ("credentials", "webhook_secret")


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("name", "merchant", "platform", "state", "last_success_at", "open_until")
    list_filter = ("platform", "state")
    search_fields = ("name", "shop_domain", "public_id")
    exclude = _SECRET


@admin.register(CarrierAccount)
class CarrierAccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "merchant", "carrier", "state", "tested_at")
    list_filter = ("carrier", "state")
    search_fields = ("name", "public_id")
    exclude = ("credentials", "contact", "phone")


@admin.register(SyncSettings)
class SyncSettingsAdmin(ReadOnlyAdmin):
    list_display = (
        "connection",
        "sync_orders",
        "push_by_hand",
        "push_every_minutes",
        "financial_status",
        "max_age_days",
    )
    list_filter = ("sync_orders", "push_by_hand", "financial_status", "fulfillment_status")
    exclude = ("other_email", "alert_addresses")


@admin.register(TaxPreset)
class TaxPresetAdmin(ReadOnlyAdmin):
    list_display = ("connection", "country_code", "name", "rate", "on_shipping")


@admin.register(ShippingRule)
class ShippingRuleAdmin(ReadOnlyAdmin):
    list_display = ("connection", "minimum", "cost")


@admin.register(Authorization)
class AuthorizationAdmin(ReadOnlyAdmin):
    list_display = ("platform", "base_url", "merchant", "started_by", "started_at", "used_at")
    list_filter = ("platform",)
    exclude = ("received", "state_digest", "session_digest")


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(ReadOnlyAdmin):
    list_display = ("topic", "connection", "received_at", "done_at", "orders_found")
    list_filter = ("topic",)


@admin.register(ProductLink)
class ProductLinkAdmin(ReadOnlyAdmin):
    list_display = ("sku", "connection", "variant_title", "source", "checked_at")
    search_fields = ("sku",)


@admin.register(UnlinkedSku)
class UnlinkedSkuAdmin(ReadOnlyAdmin):
    list_display = ("sku", "connection", "reason", "seen_at", "skipped_at")
    list_filter = ("reason",)
    search_fields = ("sku",)


@admin.register(LinkImport)
class LinkImportAdmin(ReadOnlyAdmin):
    list_display = ("connection", "created_by", "created_at", "applied_at")


@admin.register(CatalogVariant)
class CatalogVariantAdmin(ReadOnlyAdmin):
    list_display = ("sku", "title", "connection", "stock", "sellable", "seen_at")
    search_fields = ("sku", "title", "barcode")
    show_full_result_count = False


@admin.register(CatalogReading)
class CatalogReadingAdmin(ReadOnlyAdmin):
    list_display = ("connection", "state", "variants", "total", "started_at", "completed_at", "error")
    list_filter = ("state",)


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


@admin.register(StoreAddress)
class StoreAddressAdmin(ReadOnlyAdmin):
    list_display = ("company", "merchant", "city", "country_code")


@admin.register(SupplierSettings)
class SupplierSettingsAdmin(ReadOnlyAdmin):
    list_display = ("connection", "auto_fulfillment", "shipping_method", "pays_by_profile", "disable_dropshipping")


@admin.register(SupplierTestOrder)
class SupplierTestOrderAdmin(ReadOnlyAdmin):
    list_display = ("sent_at", "connection", "sku", "state", "message")
    list_filter = ("state",)


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(ReadOnlyAdmin):
    list_display = ("reference", "connection", "state", "created_at", "updated_at")
    list_filter = ("state",)
    search_fields = ("reference",)
    exclude = ("body",)  # holds the customer's address


@admin.register(TrackingFile)
class TrackingFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "connection", "seen_at", "read_at", "rows")
    search_fields = ("name",)


@admin.register(Partnership)
class PartnershipAdmin(ReadOnlyAdmin):
    list_display = ("source", "destination", "state", "asked_by", "invited_at", "decided_at", "ended_by")
    list_filter = ("state",)
    search_fields = ("public_id", "source__name", "destination__name")
    exclude = ("token_digest",)


@admin.register(PartnerSettings)
class PartnerSettingsAdmin(ReadOnlyAdmin):
    list_display = ("partnership", "automatic", "email_policy")
    list_filter = ("automatic", "email_policy")


@admin.register(PartnerShippingRule)
class PartnerShippingRuleAdmin(ReadOnlyAdmin):
    list_display = ("partnership", "at_least", "costs")


@admin.register(Plan)
class PlanAdmin(ReadOnlyAdmin):
    list_display = ("merchant", "orders_addon", "changed_by", "changed_at")
    list_filter = ("orders_addon",)


@admin.register(PlatformPace)
class PlatformPaceAdmin(ReadOnlyAdmin):
    list_display = ("platform", "probed_at", "answered_at")


@admin.register(PurchaseShipment)
class PurchaseShipmentAdmin(ReadOnlyAdmin):
    list_display = ("order", "sku", "quantity", "tracking_number", "shipped_on")
    search_fields = ("order__reference", "tracking_number")


# --- the practice stores ---------------------------------------------------------------------------


@admin.register(practice.PracticeShop)
class PracticeShopAdmin(ReadOnlyAdmin):
    list_display = ("name", "platform", "slug", "currency")
    list_filter = ("platform",)
    exclude = ("access_token", "webhook_secret", "settings")


@admin.register(practice.PracticeToken)
class PracticeTokenAdmin(ReadOnlyAdmin):
    list_display = ("shop", "kind")
    exclude = ("value",)


@admin.register(practice.PracticeWebhook)
class PracticeWebhookAdmin(ReadOnlyAdmin):
    list_display = ("shop", "topic", "uri", "created_at")
    exclude = ("details",)  # a WooCommerce webhook's secret


@admin.register(PracticeCarrier)
class PracticeCarrierAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "account_number")
    exclude = ("client_secret", "token")


@admin.register(PracticeLabel)
class PracticeLabelAdmin(ReadOnlyAdmin):
    list_display = ("number", "carrier", "charge", "currency", "created_at", "voided_at")
    exclude = ("body",)  # the customer's name and address


@admin.register(PracticeCarrierPickup)
class PracticeCarrierPickupAdmin(ReadOnlyAdmin):
    exclude = ("body",)  # where from, and whom to ask for


@admin.register(practice.PracticeCustomer)
class PracticeCustomerAdmin(ReadOnlyAdmin):
    """The practice store's own page shows the customer."""

    list_display = ("__str__", "shop", "created_at")
    exclude = ("email", "phone", "first_name", "last_name")


admin.site.register(Installation, ReadOnlyAdmin)


@admin.register(practice.PracticeDelivery)
class PracticeDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("topic", "uri", "outcome")
    exclude = ("payload", "attempts")  # orders as stores tell them


@admin.register(practice.PracticeFile)
class PracticeFileAdmin(ReadOnlyAdmin):
    exclude = ("body",)  # purchase orders


@admin.register(practice.PracticeMail)
class PracticeMailAdmin(ReadOnlyAdmin):
    """The practice mailbox's own page shows the mails."""

    exclude = ("to", "text", "html")


@admin.register(practice.PracticeOrder)
class PracticeOrderAdmin(ReadOnlyAdmin):
    """The practice store's own page shows the customer."""

    list_display = ("name", "shop", "financial_status")
    exclude = ("note", "attributes", "details")


for model in (
    practice.PracticeEvent,
    practice.PracticeFulfillment,
    practice.PracticeFulfillmentLine,
    practice.PracticeLine,
    practice.PracticeRefund,
    practice.PracticeVariant,
):
    admin.site.register(model, ReadOnlyAdmin)
