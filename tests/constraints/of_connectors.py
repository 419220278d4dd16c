"""The constraints of connections, partners, suppliers and what is kept of stores."""

from __future__ import annotations

from typing import Any

from connectors.models import (
    Authorization,
    CarrierAccount,
    CatalogReading,
    CatalogVariant,
    Connection,
    InboundEvent,
    Location,
    PartnerSettings,
    Partnership,
    PartnerShippingRule,
    PrivacyRequest,
    ProductLink,
    PurchaseOrder,
    PurchaseShipment,
    SandboxCharge,
    ShippingRule,
    SupplierSettings,
    SupplierTestOrder,
    SyncSettings,
    TaxPreset,
    TrackingFile,
    UnlinkedSku,
)
from tests.constraints.rows import LATER, Broken, Twice
from tests.factories import NOON, make_connection, make_merchant


def known_shop() -> Connection:
    return make_connection(remote_id="1")


def default() -> Connection:
    return make_connection(is_default=True)


def partners_row() -> Connection:
    return make_connection(source=make_connection(), shop_domain="")


def location() -> Location:
    return Location.objects.create(connection=make_connection(), remote_id="1", name="Warehouse")


def authorization() -> Authorization:
    return Authorization.objects.create(
        merchant=make_merchant(), platform="shopify", base_url="https://rimu.example", started_by="ana", started_at=NOON,
        expires_at=LATER, received={"access_token": "shpat_canary"},
    )  # fmt: skip


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
        source=make_merchant(), asked_by="source", email="mia@atua.example", token_digest="digest", invited_at=NOON,
        expires_at=LATER,
    )  # fmt: skip


def accepted() -> Partnership:
    store = make_connection()
    destination = make_merchant()
    return Partnership.objects.create(
        source=store.merchant, destination=destination, asked_by="source", invited_at=NOON, expires_at=LATER, state="accepted",
        source_connection=store, decided_at=NOON, decided_by="ana",
        connection=make_connection(destination, source=store, shop_domain=""),
    )  # fmt: skip


def with_itself(row: Partnership) -> dict[str, Any]:
    return {"destination": row.source}


def through_another_connection(row: Partnership) -> dict[str, Any]:
    return {"connection": make_connection(row.destination, source=row.source_connection, shop_domain="")}


def partner_settings() -> PartnerSettings:
    return PartnerSettings.objects.create(partnership=partnership())


def partner_shipping() -> PartnerShippingRule:
    return PartnerShippingRule.objects.create(partnership=partnership(), at_least=0, costs=5)


def privacy_request() -> PrivacyRequest:
    return PrivacyRequest.objects.create(
        connection=make_connection(), event_id="1", topic="data_request", received_at=NOON
    )


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


def tracking_file() -> TrackingFile:
    return TrackingFile.objects.create(connection=make_connection(), name="t.csv", size=1, modified_at=1, seen_at=NOON)


def charge() -> SandboxCharge:
    return SandboxCharge.objects.create(
        reference="1", currency="NZD", authorized=10, captured=5, state="succeeded", capture_before=LATER
    )


def supplier() -> SupplierSettings:
    return SupplierSettings.objects.create(connection=make_connection())


def order_to_test() -> SupplierTestOrder:
    return SupplierTestOrder.objects.create(connection=make_connection(), sku="A", sent_at=NOON, by="ana")


def settings() -> SyncSettings:
    return make_connection().sync_settings


def at_a_location(row: SyncSettings) -> dict[str, Any]:
    return {"location": Location.objects.create(connection=row.connection, remote_id="1", name="Warehouse")}


def tax() -> TaxPreset:
    return TaxPreset.objects.create(connection=make_connection(), country_code="NZ", name="GST", rate="0.15")


def shipping_rule() -> ShippingRule:
    return ShippingRule.objects.create(connection=make_connection(), minimum=0, cost=5)


BROKEN = [
    Broken("connection_state_known", make_connection, {"state": "lost"}),
    Broken("connection_of_a_partner_tells_nothing", partners_row, {"shop_domain": "atua.example"}),
    Broken("connection_of_a_partner_tells_nothing", partners_row, {"remote_id": "1"}),
    Broken("connection_of_a_partner_tells_nothing", partners_row, {"is_default": True}),
    Broken("connection_default_is_a_destination", default, {"is_destination": False}),
    Broken("connection_default_is_a_destination", default, {"state": "removed"}),
    Broken("connection_refresh_only_for_access_that_runs_out", make_connection, {"refresh_expires_at": NOON}),
    Broken("authorization_ends_after_it_began", authorization, {"expires_at": NOON}),
    Broken("authorization_used_keeps_no_keys", authorization, {"used_at": NOON}),
    Broken("carrier_account_state_known", carrier, {"state": "lost"}),
    Broken("carrier_account_can_be_reached", carrier, {"email": ""}),
    Broken("catalog_reading_state_known", reading, {"state": "lost"}),
    Broken("catalog_reading_ends_once", reading, {"due_at": NOON}),
    Broken("catalog_reading_ends_once", reading, {"finished_at": None}),
    Broken("catalog_reading_ends_once", reading, {"state": "running"}),
    Broken("catalog_reading_says_why", reading, {"state": "failed"}),
    Broken("inbound_from_connection_or_gateway", store_event, {"gateway": "stripe"}),
    Broken("inbound_from_connection_or_gateway", payment_event, {"gateway": ""}),
    Broken("inbound_processed_at_iff_not_new", store_event, {"processed_at": NOON}),
    Broken("inbound_processed_at_iff_not_new", store_event, {"state": "done"}),
    Broken("partnership_state_known", partnership, {"state": "lost", "decided_at": NOON, "decided_by": "mia"}),
    Broken(
        "partnership_asked_by_a_side",
        partnership,
        {"asked_by": "lost"},
        with_it=frozenset({"partnership_who_asked_is_known"}),  # nobody is on such a side
    ),
    Broken("partnership_who_asked_is_known", partnership, {"source": None}),
    Broken("partnership_who_asked_is_known", partnership, {"asked_by": "destination"}),
    Broken("partnership_of_two", partnership, with_itself),
    Broken(
        "partnership_accepted_is_whole", partnership, {"state": "accepted", "decided_at": NOON, "decided_by": "mia"}
    ),
    Broken("partnership_accepted_is_whole", accepted, {"source_connection": None}),
    Broken("partnership_accepted_is_whole", accepted, {"connection": None}),
    Broken("partnership_accepted_is_whole", accepted, {"destination": None}),
    Broken("partnership_decided_iff_not_invited", partnership, {"decided_at": NOON}),
    Broken("partnership_decided_iff_not_invited", accepted, {"decided_at": None}),
    Broken("partnership_decided_iff_not_invited", partnership, {"decided_by": "mia"}),
    Broken("partnership_decided_iff_not_invited", partnership, {"state": "declined"}),
    Broken("partnership_ended_by_iff_revoked", partnership, {"ended_by": "source"}),
    Broken(
        "partnership_ended_by_iff_revoked", partnership, {"state": "revoked", "decided_at": NOON, "decided_by": "mia"}
    ),
    Broken("partner_email_policy_known", partner_settings, {"email_policy": "lost"}),
    Broken("partner_other_email_iff_other", partner_settings, {"email_policy": "other"}),
    Broken("partner_other_email_iff_other", partner_settings, {"other_email": "mia@atua.example"}),
    Broken("partner_shipping_not_negative", partner_shipping, {"at_least": -1}),
    Broken("partner_shipping_not_negative", partner_shipping, {"costs": -1}),
    Broken("privacy_topic_known", privacy_request, {"topic": "lost"}),
    Broken("unlinked_reason_known", unlinked, {"reason": "lost"}),
    Broken("unlinked_skipped_by_somebody", unlinked, {"skipped_at": NOON}),
    Broken("unlinked_skipped_by_somebody", unlinked, {"skipped_by": "ana"}),
    Broken("purchase_order_state_known", purchase_order, {"state": "lost"}),
    Broken("purchase_shipment_of_something", shipment, {"quantity": 0}),
    Broken("tracking_file_rows_only_when_read", tracking_file, {"rows": 1}),
    Broken("sandbox_captured_within_authorized", charge, {"captured": 11}),
    Broken("sandbox_refunded_within_captured", charge, {"refunded": 6}),
    Broken("supplier_store_address_when_no_dropshipping", supplier, {"disable_dropshipping": True}),
    Broken("supplier_profile_has_email", supplier, {"pays_by_profile": True}),
    Broken("supplier_test_state_known", order_to_test, {"state": "lost"}),
    Broken("sync_settings_interval_within_a_day", settings, {"push_every_minutes": 1441}),
    Broken("sync_settings_age_within_a_year", settings, {"max_age_days": 0}),
    Broken("sync_settings_age_within_a_year", settings, {"max_age_days": 366}),
    Broken("sync_settings_financial_status_known", settings, {"financial_status": "lost"}),
    Broken("sync_settings_fulfillment_status_known", settings, {"fulfillment_status": "lost"}),
    Broken("sync_settings_location_only_when_fulfilled", settings, at_a_location),
    Broken("sync_settings_email_policy_known", settings, {"email_policy": "lost"}),
    Broken("sync_settings_other_email_given", settings, {"email_policy": "other"}),
    Broken("tax_preset_rate_is_a_fraction", tax, {"rate": 1}),
    Broken("tax_preset_rate_is_a_fraction", tax, {"rate": -1}),
    Broken("tax_preset_is_named", tax, {"name": ""}),
    Broken("tax_preset_is_named", tax, {"country_code": ""}),
    Broken("shipping_rule_not_negative", shipping_rule, {"minimum": -1}),
    Broken("shipping_rule_not_negative", shipping_rule, {"cost": -1}),
]
TWICE = [
    Twice("connection_shop_once_per_merchant", make_connection),
    Twice("connection_remote_shop_once_per_merchant", known_shop, {"base_url": "https://rimu.example"}),
    Twice("connection_default_once_per_merchant", default, {"base_url": "https://rimu.example"}),
    Twice("location_once_per_connection", location),
    Twice("catalog_variant_once", variant),
    Twice("inbound_once_per_connection", store_event),
    Twice("inbound_once_per_gateway", payment_event),
    Twice("partnership_store_once_per_destination", accepted, through_another_connection),
    Twice("partnership_token_once", partnership),
    Twice("partner_shipping_threshold_once", partner_shipping),
    Twice("privacy_request_once_per_connection", privacy_request),
    Twice("product_link_once_per_sku", link),
    Twice("unlinked_sku_once", unlinked),
    Twice("purchase_order_once", purchase_order),
    Twice("purchase_shipment_once", shipment),
    Twice("tracking_file_once", tracking_file),
    Twice("supplier_test_one_at_a_time", order_to_test),
    Twice("tax_preset_once_per_country", tax),
    Twice("shipping_rule_once_per_minimum", shipping_rule),
]
