"""Bodies that integrations send, for the description alone: orders.services.intake_body and refund_body read them."""

from __future__ import annotations

from rest_framework import serializers

from orders.api.serializers import TaxSerializer
from orders.enums import MERCHANT_REASONS, Delivery


class NewRefundLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=100, help_text="The line's id, as the order gives it.")
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)


class NewRefundSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Lines, shipping, or an amount; an amount beside lines or shipping may lower what they come to."""

    lines = NewRefundLineSerializer(many=True, required=False)
    shipping = serializers.CharField(default="0", help_text="Its tax inside.")
    amount = serializers.CharField(required=False, allow_null=True)
    reason = serializers.ChoiceField(choices=[(reason.value, reason.label) for reason in MERCHANT_REASONS])
    note = serializers.CharField(max_length=1000, required=False)
    restock = serializers.BooleanField(
        default=False,
        help_text="The units go back into stock. WooCommerce is told; change other stores yourself.",
    )


class NewLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=100)
    sku = serializers.CharField(max_length=120, required=False)
    title = serializers.CharField(max_length=300)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    unit_price = serializers.CharField()
    taxes = TaxSerializer(many=True, required=False)
    requires_shipping = serializers.BooleanField(default=True)
    hs_code = serializers.CharField(max_length=20, required=False, help_text="6 to 12 digits; dots are left out.")
    origin_country = serializers.CharField(max_length=2, required=False, help_text="ISO 3166-1 alpha-2.")
    customs_value = serializers.CharField(required=False, help_text="Of the whole line, in the order's currency.")


class NewShippingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    title = serializers.CharField(max_length=120, required=False)
    amount = serializers.CharField()
    taxes = TaxSerializer(many=True, required=False)


class NewCustomerSerializer(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=200, required=False)
    email = serializers.EmailField(required=False)
    phone = serializers.CharField(max_length=40, required=False)
    note = serializers.CharField(max_length=5000, required=False)


class NewPlaceSerializer(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=200)
    address = serializers.CharField(max_length=400, required=False)
    instructions = serializers.CharField(max_length=2000, required=False)


class NewDeliverySerializer(serializers.Serializer):  # type: ignore[type-arg]
    method = serializers.ChoiceField(choices=Delivery.choices)
    place = NewPlaceSerializer(required=False)


class NewAddressSerializer(serializers.Serializer):  # type: ignore[type-arg]
    first_name = serializers.CharField(max_length=100, required=False)
    last_name = serializers.CharField(max_length=100, required=False)
    company = serializers.CharField(max_length=200, required=False)
    address1 = serializers.CharField(max_length=200, required=False)
    address2 = serializers.CharField(max_length=200, required=False)
    city = serializers.CharField(max_length=100, required=False)
    province_code = serializers.CharField(
        max_length=10, required=False, help_text="ISO 3166-2, with or without country."
    )
    postcode = serializers.CharField(max_length=20, required=False)
    country_code = serializers.CharField(max_length=2, required=False, help_text="ISO 3166-1 alpha-2.")
    phone = serializers.CharField(max_length=40, required=False)


class NewPaymentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    gateway = serializers.CharField()
    reference = serializers.CharField(max_length=120)
    amount = serializers.CharField()
    authorized_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(
        required=False, help_text="Until when it can be captured. Left out: the gateway is asked."
    )


class NewOrderSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Amounts are text with no more decimals than the currency has; all sums must add up."""

    merchant = serializers.SlugField(max_length=60)
    external_id = serializers.CharField(max_length=100, help_text="The marketplace's own id; unique there.")
    number = serializers.CharField(max_length=60, help_text="What people call the order.")
    placed_at = serializers.DateTimeField()
    ship_by = serializers.DateTimeField(
        required=False, help_text="Without it, the merchant's own promise: so many business days after it was placed."
    )
    currency = serializers.CharField(max_length=3, help_text="ISO 4217.")
    prices_include_tax = serializers.BooleanField()
    lines = NewLineSerializer(many=True)
    subtotal = serializers.CharField()
    discount = serializers.CharField(default="0")
    shipping = NewShippingSerializer(required=False)
    tax = serializers.CharField(default="0")
    total = serializers.CharField()
    customer = NewCustomerSerializer(required=False)
    delivery = NewDeliverySerializer(required=False)
    shipping_address = NewAddressSerializer(required=False)
    billing_address = NewAddressSerializer(required=False)
    payment = NewPaymentSerializer(required=False)
    attributes = serializers.DictField(child=serializers.CharField(max_length=500), required=False)
    invoice_number = serializers.CharField(max_length=60, required=False)
    invoice_key = serializers.CharField(max_length=60, required=False, help_text="An authority's key of the invoice.")
