"""The API's doors to a connection's order data settings, and to pushing by hand."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.models import Connection, EmailPolicy, FinancialStatus, FulfillmentChoice, Location, SyncSettings
from connectors.models.sync_settings import TEMPLATE_MAX, TRACKING_KEY_MAX
from orders.api.amounts import ChosenAmountField
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, who, whole
from orders.api.serializers import OrderSerializer, ProblemSerializer
from orders.models import OrderPush
from orders.services import by_hand, order_data
from orders.services.order_data import NewRule, NewTax

_EXAMPLE = {
    "push_every_minutes": 30,
    "financial_status": "unpaid",
    "note_template": "Order {order_number}\nTerms: {payment_terms}",
    "taxes": [{"country_code": "NZ", "name": "GST", "rate": "0.15", "on_shipping": True}],
    "shipping_rules": [{"minimum": "0.00", "cost": "12.00"}, {"minimum": "150.00", "cost": "0.00"}],
}


class TaxPresetSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The tax of lines that name none, by the country of the billing address."""

    country_code = serializers.CharField(max_length=2, help_text="ISO 3166-1: NZ.")
    name = serializers.CharField(max_length=60)
    rate = serializers.DecimalField(max_digits=9, decimal_places=6, help_text="A fraction: 0.15 stands for 15 %.")
    on_shipping = serializers.BooleanField(default=True)


class ShippingRuleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What shipping costs from a sum of the items on, in the connection's currency."""

    minimum = ChosenAmountField(max_digits=16, decimal_places=4)
    cost = ChosenAmountField(max_digits=16, decimal_places=4)


class WithoutEffectSerializer(serializers.Serializer):  # type: ignore[type-arg]
    field = serializers.CharField()
    message = serializers.CharField()


class OrderDataSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What a connection does with orders."""

    sync_orders = serializers.BooleanField(help_text="Off: order data stays in Storeward.")
    push_by_hand = serializers.BooleanField(help_text="On: paid orders wait for `pushes/{id}/push/`.")
    push_every_minutes = serializers.IntegerField(
        min_value=0, max_value=32767, help_text="0: at once. The platform's shortest interval, or longer."
    )
    max_age_days = serializers.IntegerField(
        min_value=0, max_value=32767, allow_null=True, help_text="Older orders are blocked."
    )
    financial_status = serializers.ChoiceField(choices=FinancialStatus.choices)
    fulfillment_status = serializers.ChoiceField(choices=FulfillmentChoice.choices)
    location = serializers.CharField(allow_blank=True, max_length=200, help_text="The store's own id; empty: none.")
    bypass_stock_check = serializers.BooleanField()
    email_policy = serializers.ChoiceField(choices=EmailPolicy.choices)
    other_email = serializers.EmailField(allow_blank=True)
    create_customer = serializers.BooleanField()
    tag_template = serializers.CharField(
        max_length=200, allow_blank=True, help_text="Fields in braces: {order_number}."
    )
    note_template = serializers.CharField(max_length=TEMPLATE_MAX, allow_blank=True, trim_whitespace=False)
    tracking_key = serializers.CharField(
        max_length=TRACKING_KEY_MAX,
        allow_blank=True,
        help_text="Of the custom field in which a plugin there keeps tracking; empty: the common plugins' alone.",
    )
    alert_addresses = serializers.ListField(child=serializers.EmailField())
    taxes = TaxPresetSerializer(many=True, help_text="All of them: what is sent replaces what there was.")
    shipping_rules = ShippingRuleSerializer(many=True, help_text="All of them: what is sent replaces what there was.")
    without_effect = WithoutEffectSerializer(
        many=True,
        read_only=True,
        help_text="What is chosen and does nothing as the rest is chosen; nothing is refused.",
    )


class OrderDataChangeSerializer(OrderDataSerializer):
    """Some of the settings. Rows of a table are whole, unlike those of a partial serializer."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields


class PushNowSerializer(serializers.Serializer):  # type: ignore[type-arg]
    shipping_fee = serializers.DecimalField(
        max_digits=16,
        decimal_places=4,
        required=False,
        allow_null=True,
        help_text="In the order's currency, for orders that go out as unpaid. None: as the settings say.",
    )


class OrderDataSettings(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="order_data_read",
        summary="What a connection does with orders",
        responses={200: OrderDataSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_shown(connection_of(request, public_id)))

    @extend_schema(
        operation_id="order_data_change",
        summary="Change what a connection does with orders",
        description=(
            "Counts for orders that have not been sent yet. What the platform cannot do is refused with the code "
            "`not_offered`; nothing is changed then."
        ),
        request=OrderDataChangeSerializer,
        responses={
            200: OrderDataSerializer,
            400: PROBLEM,
            422: OpenApiResponse(ProblemSerializer, description="See `errors`; nothing was changed."),
            **READING,
        },
        examples=[OpenApiExample("Wholesale, collected", value=_EXAMPLE, request_only=True)],
    )
    def patch(self, request: Request, public_id: str) -> Response:
        connection = connection_of(request, public_id)
        body = valid(OrderDataChangeSerializer(data=request.data))
        chosen = _chosen(body, connection)
        order_data.save(connection_id=connection.pk, **who(request), **chosen)
        return Response(_shown(connection_of(request, public_id)))


class PushNow(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="pushes_push",
        summary="Push now",
        description=(
            "Sends a paid push that waits to be pushed by hand, or for its connection's next time. A shipping fee is refused "
            "(`fee_refused`) where it would break what the customer paid."
        ),
        request=PushNowSerializer,
        responses={200: OrderSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("With a price of shipping", value={"shipping_fee": "12.00"}, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        rows = OrderPush.objects.filter(order__merchant=merchant_of(request))
        push = rows.filter(public_id=public_id).first()
        if push is None:
            raise Http404
        body = valid(PushNowSerializer(data=request.data))
        fee = body.get("shipping_fee")
        by_hand.push_now(push_id=push.pk, **who(request), shipping_fee=fee)
        return Response(OrderSerializer(whole(push.order_id)).data)


def connection_of(request: Request, public_id: str) -> Connection:
    """The merchant's own destination; any other does not exist."""
    standing = Connection.objects.filter(merchant=merchant_of(request), is_destination=True).standing().own()
    connection = standing.select_related("sync_settings__location").filter(public_id=public_id).first()
    if connection is None:
        raise Http404
    return connection


def _shown(connection: Connection) -> dict[str, Any]:
    row: SyncSettings = connection.sync_settings
    tables = {"taxes": order_data.taxes_of(connection), "shipping_rules": order_data.rules_of(connection)}
    fields = {name: getattr(row, name) for name in order_data.FIELDS}
    fields["location"] = row.location.remote_id if row.location else ""
    idle = order_data.without_effect(connection.pk)
    shown = {**fields, **tables, "without_effect": idle}
    return dict(OrderDataSerializer(shown, context={"currency": connection.currency}).data)


def _chosen(given: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """What the service takes, from what was named in the body."""
    chosen = dict(given)
    taxes, rules = chosen.pop("taxes", None), chosen.pop("shipping_rules", None)
    if "location" in chosen:
        chosen["location"] = _location(connection, chosen["location"])
    return {
        **chosen,
        "taxes": None
        if taxes is None
        else [NewTax(**{**tax, "country_code": tax["country_code"].upper()}) for tax in taxes],
        "rules": None if rules is None else [NewRule(**rule) for rule in rules],
    }


def _location(connection: Connection, remote_id: str) -> Location | None:
    if not remote_id:
        return None
    place = connection.locations.filter(remote_id=remote_id).first()
    if place is None:
        raise ValidationError({"location": "The store has no such location."}, code="unknown")
    return place
