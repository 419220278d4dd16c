"""The API's doors to labels from carriers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.models import CarrierAccount
from connectors.money import Money, MoneyError, is_currency
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, visible_pk, who
from orders.api.paging import NEWEST, OF_ORDER, KeyCursor, Sort, of_order
from orders.api.problems import problem
from orders.api.shipping_serializers import SizeSerializer, UnitsSerializer
from orders.errors import FieldProblem, InvalidShipment
from orders.models import LabelBox, LabelStatus, ShippingLabel
from orders.services import label_sheet, labels, shipment_body
from orders.services.shipping import HEAVIEST_G

_REFUSALS = {**dict.fromkeys((400, 422), PROBLEM), **REFUSALS}
_PRIVATE = {"Cache-Control": "private, no-store"}
_EXAMPLE = {
    "carrier": "k2Xv9Qd4",
    "lines": [{"id": "1", "quantity": 2}],
    "parcels": [{"weight_g": 2400, "size_mm": {"length": 400, "width": 300, "height": 200}}],
}


class RateSerializer(serializers.Serializer):  # type: ignore[type-arg]
    service = serializers.CharField()
    name = serializers.CharField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    days = serializers.IntegerField(allow_null=True, help_text="Guaranteed business days; null: none is promised.")


class LabelBoxSerializer(serializers.ModelSerializer[LabelBox]):
    class Meta:
        model = LabelBox
        fields = ("number", "weight_g", "length_mm", "width_mm", "height_mm")


class MoneySerializer(serializers.Serializer):  # type: ignore[type-arg]
    amount = serializers.CharField()
    currency = serializers.CharField()


class LabelSerializer(serializers.ModelSerializer[ShippingLabel]):
    """`rated`: choose one of `rates`. `unsure`: it may have been bought, and a person must look at the carrier."""

    id = serializers.CharField(source="public_id")
    order = serializers.CharField(source="order.public_id")
    carrier = serializers.CharField(source="account.public_id")
    status = serializers.ChoiceField(choices=LabelStatus.choices)
    rates = RateSerializer(many=True)
    quoted = serializers.SerializerMethodField(help_text="What was agreed to.")
    cost = serializers.SerializerMethodField(help_text="What the carrier charged; null when it did not say.")
    parcels = LabelBoxSerializer(source="boxes", many=True)
    fulfillment = serializers.SerializerMethodField(help_text="The fulfillment that was handed over with it.")

    class Meta:
        model = ShippingLabel
        fields = (
            "id", "reference", "order", "carrier", "status", "reason", "rates", "rated_at", "service", "service_name",
            "quoted", "cost", "number", "parcels", "fulfillment", "requested_by", "requested_at", "bought_by",
            "bought_at", "voided_at",
        )  # fmt: skip

    @extend_schema_field(MoneySerializer(allow_null=True))
    def get_quoted(self, label: ShippingLabel) -> dict[str, str] | None:
        return _money(label.quoted)

    @extend_schema_field(MoneySerializer(allow_null=True))
    def get_cost(self, label: ShippingLabel) -> dict[str, str] | None:
        return _money(label.cost)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_fulfillment(self, label: ShippingLabel) -> str | None:
        return label.fulfillment.public_id if label.fulfillment and label.is_shipped else None


class NewBoxSerializer(serializers.Serializer):  # type: ignore[type-arg]
    weight_g = serializers.IntegerField(min_value=1, max_value=HEAVIEST_G)
    size_mm = SizeSerializer(required=False)


class NewLabelSerializer(serializers.Serializer):  # type: ignore[type-arg]
    carrier = serializers.CharField(max_length=32, help_text="The id of one of your carriers that sells labels.")
    lines = UnitsSerializer(many=True)
    parcels = NewBoxSerializer(many=True)


class BuySerializer(serializers.Serializer):  # type: ignore[type-arg]
    service = serializers.CharField(max_length=10)
    amount = serializers.DecimalField(
        max_digits=14, decimal_places=4, help_text="As the rate says: another is refused."
    )
    currency = serializers.CharField(max_length=3)


class NumbersSerializer(serializers.Serializer):  # type: ignore[type-arg]
    numbers = serializers.ListField(child=serializers.CharField(max_length=60), allow_empty=False)


class PrintSerializer(serializers.Serializer):  # type: ignore[type-arg]
    labels = serializers.ListField(
        child=serializers.CharField(max_length=32), min_length=1, max_length=label_sheet.MOST_PRINTED, help_text="Ids."
    )


class LabelCursor(KeyCursor):
    """Newest first; a page's address stays true while labels are added."""

    sorts = {NEWEST: Sort("requested_at")}


class Labels(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = LabelCursor
    queryset = ShippingLabel.objects.none()

    @extend_schema(
        operation_id="labels_list",
        summary="List labels",
        parameters=[OF_ORDER],
        responses={200: LabelSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(of_order(_rows(request), request, "order"))
        return self.get_paginated_response(LabelSerializer(page, many=True).data)


class OrderLabels(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="labels_ask",
        summary="Ask a carrier for rates",
        description="Nothing is bought. A worker asks; `status` becomes `rated` with the `rates`, or `refused`.",
        request=NewLabelSerializer,
        responses={201: LabelSerializer, **_REFUSALS},
        examples=[OpenApiExample("Example", value=_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        order_id = visible_pk(request, public_id)
        carrier, lines, boxes = shipment_body.read_label(request.data)
        account = CarrierAccount.objects.of(merchant_of(request)).standing().filter(public_id=carrier).first()
        if account is None:
            raise Http404
        label = labels.ask(
            order_id=order_id,
            account_id=account.pk,
            lines=lines,
            boxes=boxes,
            **who(request),
        )
        return Response(_shown(request, label.public_id), status=201)


class LabelDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(operation_id="labels_read", summary="One label", responses={200: LabelSerializer, **READING})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_shown(request, public_id))


class LabelFile(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="labels_file",
        summary="The label to print",
        description="A PDF with a page of 4 by 6 inches for each parcel. 404 while it is not bought, and after 30 days.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **READING},
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        sheet = label_sheet.of(ShippingLabel.objects.filter(pk=_label(request, public_id).pk))
        if not sheet:
            raise Http404
        return HttpResponse(sheet, content_type="application/pdf", headers=_PRIVATE)


class PrintLabels(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="labels_print",
        summary="Labels to print, in one PDF",
        description=(
            "A page of 4 by 6 inches for each parcel, in the order in which the labels were asked for. Refused as a whole "
            "when one of them is not bought, or is older than 30 days."
        ),
        request=PrintSerializer,
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request) -> HttpResponse:
        body = valid(PrintSerializer(data=request.data))
        wanted = set(body["labels"])
        rows = ShippingLabel.objects.of(merchant_of(request)).filter(public_id__in=wanted)
        if rows.count() != len(wanted):
            raise Http404
        lacking = rows.exclude(pk__in=label_sheet.printable(rows)).order_by("pk").values_list("reference", flat=True)
        if names := ", ".join(lacking[:10]):
            return problem(409, "nothing_to_print", f"There is nothing to print of: {names}.")
        return HttpResponse(label_sheet.of(rows), content_type="application/pdf", headers=_PRIVATE)


class _Change(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def change(self, request: Request, public_id: str, act: Callable[..., Any], **fields: Any) -> Response:
        label_id = _label(request, public_id).pk
        act(label_id=label_id, **who(request), **fields)
        return Response(_shown(request, public_id))


_CHANGED: dict[Any, Any] = {200: LabelSerializer, **REFUSALS}


class BuyLabel(_Change):
    @extend_schema(
        operation_id="labels_buy",
        summary="Buy a label",
        description=(
            "Charges your account at the carrier. A worker buys it once; the same call again is refused. `status` becomes "
            "`bought`, `refused` (nothing was charged), or `unsure` when the carrier did not answer and shows no label."
        ),
        request=BuySerializer,
        responses={200: LabelSerializer, **_REFUSALS},
        examples=[
            OpenApiExample("Example", value={"service": "03", "amount": "10.13", "currency": "USD"}, request_only=True)
        ],
    )
    def post(self, request: Request, public_id: str) -> Response:
        given = valid(BuySerializer(data=request.data))
        agreed = _agreed(given["amount"], given["currency"])
        return self.change(request, public_id, labels.buy, service=given["service"], agreed=agreed)


class AskAgain(_Change):
    @extend_schema(operation_id="labels_rates", summary="Ask for rates again", request=None, responses=_CHANGED)
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, labels.ask_again)


class LookAgain(_Change):
    @extend_schema(
        operation_id="labels_look",
        summary="Look whether it was bought",
        description="Of an `unsure` label. Buys nothing.",
        request=None,
        responses=_CHANGED,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, labels.look_again)


class BuyAgain(_Change):
    @extend_schema(
        operation_id="labels_buy_again",
        summary="Buy an unsure label again",
        description="Look at the carrier first: it charges for both when it sold the first one.",
        request=None,
        responses=_CHANGED,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, labels.buy_again)


class SettleLabel(_Change):
    @extend_schema(
        operation_id="labels_settle",
        summary="Say that the carrier sold it",
        request=NumbersSerializer,
        responses={200: LabelSerializer, **_REFUSALS},
        examples=[OpenApiExample("Example", value={"numbers": ["1ZA1B2C30312345678"]}, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        body = valid(NumbersSerializer(data=request.data))
        return self.change(request, public_id, labels.settle, numbers=body["numbers"])


class WithdrawLabel(_Change):
    @extend_schema(operation_id="labels_withdraw", summary="Do not buy it after all", request=None, responses=_CHANGED)
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, labels.withdraw)


class VoidLabel(_Change):
    @extend_schema(
        operation_id="labels_void",
        summary="Void a label",
        description="Until it is handed over. `status` becomes `voided`, or `bought` again with the `reason`.",
        request=None,
        responses=_CHANGED,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, labels.void)


class ShipWithLabel(_Change):
    @extend_schema(
        operation_id="labels_ship",
        summary="Ship with a label",
        description="Records a fulfillment with the label's lines, parcels and tracking numbers; the customer is told.",
        request=None,
        responses={
            200: OpenApiResponse(LabelSerializer, description="`fulfillment` names it."),
            422: PROBLEM,
            **REFUSALS,
        },
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(request, public_id, labels.ship)


def _agreed(amount: Decimal, currency: str) -> Money:
    try:
        return Money(amount, currency)
    except MoneyError as error:
        field = "amount" if is_currency(currency) else "currency"
        raise InvalidShipment([FieldProblem(field, "not_money", str(error))]) from None


def _money(money: Money | None) -> dict[str, str] | None:
    return {"amount": str(money).split()[0], "currency": money.currency} if money else None


def _rows(request: Request) -> Any:
    boxes = LabelBox.objects.defer("image").order_by("position")
    return (
        ShippingLabel.objects.of(merchant_of(request))
        .select_related("order", "account", "fulfillment")
        .prefetch_related(Prefetch("boxes", boxes))
    )


def _label(request: Request, public_id: str) -> ShippingLabel:
    label: ShippingLabel | None = _rows(request).filter(public_id=public_id).first()
    if label is None:
        raise Http404
    return label


def _shown(request: Request, public_id: str) -> dict[str, Any]:
    return dict(LabelSerializer(_label(request, public_id)).data)
