from connectors.models.call_log import CallLog
from connectors.models.condition import ClearedCondition
from connectors.models.connection import Connection, ConnectionState, Location, SyncSettings
from connectors.models.inbound_event import InboundEvent, InboundState
from connectors.models.product_link import LinkSource, ProductLink
from connectors.models.sandbox import SandboxCharge
from connectors.practice import models as practice_models  # noqa: F401  # their tables belong to this app

__all__ = [
    "CallLog",
    "ClearedCondition",
    "Connection",
    "ConnectionState",
    "InboundEvent",
    "InboundState",
    "LinkSource",
    "Location",
    "ProductLink",
    "SandboxCharge",
    "SyncSettings",
]
