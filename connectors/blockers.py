"""Why an order cannot go on, as a closed list of codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class BlockerCode(StrEnum):
    """The closed list of reasons why an order cannot go on. A new one is added here first."""

    UNMAPPED_SKU = "unmapped_sku"
    DUPLICATE_SKU = "duplicate_sku"
    SKU_GONE = "sku_gone"
    OUT_OF_STOCK = "out_of_stock"
    NOT_SELLABLE = "not_sellable"
    CUSTOM_LINE = "custom_line"
    ZERO_TOTAL = "zero_total"
    NOT_PAID = "not_paid"
    AUTHORIZATION_EXPIRED = "authorization_expired"
    CAPTURE_DECLINED = "capture_declined"
    TOTAL_MISMATCH = "total_mismatch"
    TAX_MISSING = "tax_missing"
    CURRENCY_UNSUPPORTED = "currency_unsupported"
    ADDRESS_INCOMPLETE = "address_incomplete"
    COUNTRY_UNSUPPORTED = "country_unsupported"
    PROVINCE_UNKNOWN = "province_unknown"
    POSTCODE_INVALID = "postcode_invalid"
    PHONE_REQUIRED = "phone_required"
    EMAIL_REQUIRED = "email_required"
    TEXT_TOO_LONG = "text_too_long"
    SHIPPING_METHOD_UNMAPPED = "shipping_method_unmapped"
    PICKUP_LOCATION_UNMAPPED = "pickup_location_unmapped"
    PAYMENT_PROFILE_MISSING = "payment_profile_missing"
    CREDENTIALS_EXPIRED = "credentials_expired"
    SCOPE_MISSING = "scope_missing"
    API_VERSION_RETIRED = "api_version_retired"
    RATE_LIMITED = "rate_limited"
    STORE_UNREACHABLE = "store_unreachable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ALREADY_AT_DESTINATION = "already_at_destination"
    CANCELLED_MEANWHILE = "cancelled_meanwhile"
    CHANGED_AT_DESTINATION = "changed_at_destination"
    NOT_VISIBLE = "not_visible"
    SYNC_TURNED_OFF = "sync_turned_off"
    TOO_OLD = "too_old"
    SUSPECTED_DUPLICATE = "suspected_duplicate"
    INVOICE_MISSING = "invoice_missing"
    CUSTOMS_MISSING = "customs_missing"
    NO_DESTINATION = "no_destination"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Blocker:
    """One coded reason why an order cannot go on: which field, which value, and what to do about it."""

    code: BlockerCode
    message: str  # plain words for a merchant, with the fix
    field: str = ""  # "lines[0].sku", "shipping_address.province"; empty when it is the order as a whole
    value: str = ""

    def as_json(self) -> dict[str, str]:
        return {"code": self.code.value, "message": self.message, "field": self.field, "value": self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Blocker:
        return cls(BlockerCode(data["code"]), data["message"], data.get("field", ""), data.get("value", ""))
