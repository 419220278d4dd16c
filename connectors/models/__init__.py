from connectors.models.authorization import Authorization
from connectors.models.call_log import CallLog
from connectors.models.carrier import CarrierAccount, CarrierState
from connectors.models.catalog import CatalogReading, CatalogVariant, ReadingState
from connectors.models.condition import ClearedCondition
from connectors.models.connection import Connection, ConnectionState, Location
from connectors.models.inbound_event import InboundEvent, InboundState
from connectors.models.installation import Installation
from connectors.models.partnership import (
    PartnerEmail,
    PartnerSettings,
    Partnership,
    PartnerShippingRule,
    PartnershipState,
    Plan,
    Side,
)
from connectors.models.platform_pace import PlatformPace
from connectors.models.privacy import PrivacyRequest
from connectors.models.product_link import LinkImport, LinkSource, ProductLink, UnlinkedReason, UnlinkedSku
from connectors.models.purchase_order import PurchaseOrder, PurchaseShipment, PurchaseState, TrackingFile
from connectors.models.sandbox import SandboxCharge
from connectors.models.supplier import StoreAddress, SupplierSettings, SupplierTestOrder, SupplierTestState
from connectors.models.sync_settings import (
    EmailPolicy,
    FinancialStatus,
    FulfillmentChoice,
    ShippingRule,
    SyncSettings,
    TaxPreset,
)
from connectors.practice import models as practice_models  # noqa: F401  # their tables belong to this app
from connectors.practice.carriers import models as practice_carrier_models  # noqa: F401

__all__ = [
    "Authorization",
    "CallLog",
    "CarrierAccount",
    "CarrierState",
    "CatalogReading",
    "CatalogVariant",
    "ClearedCondition",
    "Connection",
    "ConnectionState",
    "EmailPolicy",
    "FinancialStatus",
    "FulfillmentChoice",
    "InboundEvent",
    "InboundState",
    "Installation",
    "LinkImport",
    "LinkSource",
    "Location",
    "PartnerEmail",
    "PartnerSettings",
    "PartnerShippingRule",
    "Partnership",
    "PartnershipState",
    "Plan",
    "PlatformPace",
    "PrivacyRequest",
    "ProductLink",
    "PurchaseOrder",
    "PurchaseShipment",
    "PurchaseState",
    "ReadingState",
    "SandboxCharge",
    "ShippingRule",
    "Side",
    "StoreAddress",
    "SupplierSettings",
    "SupplierTestOrder",
    "SupplierTestState",
    "SyncSettings",
    "TaxPreset",
    "TrackingFile",
    "UnlinkedReason",
    "UnlinkedSku",
]
