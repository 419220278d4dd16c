"""The API's words about partners."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from connectors.models import CatalogVariant, PartnerEmail, Partnership, PartnershipState, Side
from connectors.services import partner_products, partners
from orders.api.amounts import ChosenAmountField
from orders.api.serializers import AddressSerializer, AmountField, BlockerSerializer
from orders.enums import FulfillmentStatus, PushStatus
from orders.models import Order, OrderLine, OrderPush
from orders.services import partner_orders, partner_outbound


class PartnershipSerializer(serializers.ModelSerializer[Partnership]):
    """As the side that asks sees it: a destination is told nothing of the source's store."""

    id = serializers.CharField(source="public_id")
    you = serializers.SerializerMethodField(help_text="Your side.")
    partner = serializers.SerializerMethodField(help_text="The other merchant, or the address that was asked.")
    state = serializers.ChoiceField(choices=PartnershipState.choices)
    asked_by = serializers.ChoiceField(choices=Side.choices)
    store = serializers.SerializerMethodField(help_text="The id of your store that you approved; a source's alone.")
    destination = serializers.SerializerMethodField(help_text="The id that lines are routed to; a destination's alone.")

    class Meta:
        model = Partnership
        fields = (
            "id", "you", "partner", "state", "asked_by", "store", "destination", "invited_at", "expires_at", "decided_at",
        )  # fmt: skip

    def get_you(self, row: Partnership) -> str:
        return partners.side_of(row, self.context["merchant"]).value

    def get_partner(self, row: Partnership) -> str:
        other = partners.partner_of(row, self.context["merchant"])
        return other.name if other else row.email

    def get_store(self, row: Partnership) -> str | None:
        ours = self.get_you(row) == Side.SOURCE and row.source_connection
        return row.source_connection.public_id if ours and row.source_connection else None

    def get_destination(self, row: Partnership) -> str | None:
        ours = self.get_you(row) == Side.DESTINATION and row.connection
        return row.connection.public_id if ours and row.connection else None


class InviteSerializer(serializers.Serializer):  # type: ignore[type-arg]
    side = serializers.ChoiceField(choices=Side.choices, help_text="Yours.")
    whom = serializers.CharField(max_length=254, help_text="An e-mail address, or a merchant's short name.")
    store = serializers.CharField(max_length=32, required=False, help_text="Your store's id; only for a source.")


class AcceptSerializer(serializers.Serializer):  # type: ignore[type-arg]
    store = serializers.CharField(max_length=32, required=False, help_text="Your store's id; only for a source.")


class PartnerShippingRuleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Items that come to `at_least` or more: sending costs `costs`. In your currency."""

    at_least = ChosenAmountField(max_digits=12, decimal_places=4, min_value=Decimal(0))
    costs = ChosenAmountField(max_digits=12, decimal_places=4, min_value=Decimal(0))


class PartnerSettingsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """How your orders go to the partner's store."""

    automatic = serializers.BooleanField(required=False, help_text="Off: a paid order waits until it is pushed.")
    email_policy = serializers.ChoiceField(choices=PartnerEmail.choices, required=False)
    other_email = serializers.EmailField(required=False, allow_blank=True)
    shipping_rules = serializers.ListField(child=PartnerShippingRuleSerializer(), required=False, max_length=50)


class SharedProductSerializer(serializers.ModelSerializer[CatalogVariant]):
    class Meta:
        model = CatalogVariant
        fields = ("variant_id", "sku", "title")


class ShareSerializer(serializers.Serializer):  # type: ignore[type-arg]
    skus = serializers.ListField(
        child=serializers.CharField(max_length=120), min_length=1, max_length=partner_products.SHARED_AT_ONCE
    )


class PartnerPushSerializer(serializers.ModelSerializer[OrderPush]):
    """One store's part of an order."""

    id = serializers.CharField(source="public_id")
    destination = serializers.CharField(source="connection.public_id")
    destination_name = serializers.CharField(source="connection.name")
    status = serializers.ChoiceField(choices=PushStatus.choices)
    can_be_pushed = serializers.BooleanField(source="waits_for_mark")
    blockers = BlockerSerializer(many=True)
    shipping = AmountField()
    total = AmountField()

    class Meta:
        model = OrderPush
        fields = (
            "id", "destination", "destination_name", "status", "can_be_pushed", "reason", "blockers", "shipping",
            "total", "remote_name", "pushed_at",
        )  # fmt: skip


class PartnerOrderSerializer(serializers.ModelSerializer[Order]):
    """An order with products of partners."""

    id = serializers.CharField(source="public_id")
    push_state = serializers.SerializerMethodField()
    blockers = BlockerSerializer(many=True, help_text="What the order itself lacks before it can be pushed anywhere.")
    pushes = PartnerPushSerializer(source="partner_pushes", many=True)

    class Meta:
        model = Order
        fields = ("id", "number", "placed_at", "currency", "push_state", "blockers", "pushes")

    def get_push_state(self, order: Any) -> str:
        return partner_orders.state_of(order.partner_pushes).key


class NewPartnerPushSerializer(serializers.Serializer):  # type: ignore[type-arg]
    shipping = serializers.DecimalField(
        max_digits=12, decimal_places=4, required=False, allow_null=True, help_text="Without it the rules say it."
    )


class ShipmentLineSerializer(serializers.ModelSerializer[OrderLine]):
    class Meta:
        model = OrderLine
        fields = ("sku", "title", "quantity")


class PartnerShipmentSerializer(serializers.ModelSerializer[OrderPush]):
    """What a partner pushed to your store: what to send, and where to."""

    id = serializers.CharField(source="public_id")
    store = serializers.CharField(source="connection.source.public_id")
    seller = serializers.CharField(source="connection.merchant.name")
    tag = serializers.SerializerMethodField()
    note = serializers.SerializerMethodField()
    lines = serializers.SerializerMethodField()
    shipping_address = serializers.SerializerMethodField()
    currency = serializers.CharField(source="order.currency")
    shipping = AmountField()
    total = AmountField(source="expected_total")
    fulfillment_status = serializers.SerializerMethodField()
    cancelled = serializers.BooleanField(source="remote_cancelled")

    class Meta:
        model = OrderPush
        fields = (
            "id", "store", "seller", "tag", "note", "remote_id", "remote_name", "pushed_at", "lines",
            "shipping_address", "currency", "shipping", "total", "fulfillment_status", "cancelled",
        )  # fmt: skip

    def get_tag(self, push: OrderPush) -> str:
        return partner_outbound.tag_of(push)

    def get_note(self, push: OrderPush) -> str:
        return partner_outbound.note_of(push)

    def get_lines(self, push: OrderPush) -> list[dict[str, Any]]:
        asked = partner_orders.asked_of(push)
        return [{**ShipmentLineSerializer(line).data, "quantity": units} for line, units in asked]

    def get_shipping_address(self, push: OrderPush) -> dict[str, Any] | None:
        found = (row for row in push.order.addresses.all() if row.kind == "shipping")
        address = next(found, None)
        return dict(AddressSerializer(address).data) if address else None

    def get_fulfillment_status(self, push: OrderPush) -> str:
        return FulfillmentStatus(partner_orders.sent_state(push)).value


class PlanSerializer(serializers.Serializer):  # type: ignore[type-arg]
    orders_addon = serializers.BooleanField()
