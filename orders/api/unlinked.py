"""The API's doors to the product-link workbench: unlinked SKUs and what waits for them, and the copy of the catalog."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.models import CatalogVariant, Connection, ReadingState, UnlinkedReason, UnlinkedSku
from connectors.services import catalog, links
from connectors.services.links import SkuRefused
from orders.api import amounts
from orders.api.answers import PROBLEM, READING
from orders.api.common import merchant_of, standing_connection, who
from orders.api.connection_serializers import AmountSerializer
from orders.api.problems import problem
from orders.services import linking

_SORTS = ("orders", "money")
_FLAGS = {"true": True, "false": False}


class CandidateSerializer(serializers.ModelSerializer[CatalogVariant]):
    """A product as the copy of the catalog has it."""

    price = serializers.SerializerMethodField(help_text="In the store's currency.")
    stock = serializers.IntegerField(allow_null=True, help_text="Null: not counted there.")

    class Meta:
        model = CatalogVariant
        fields = ("variant_id", "sku", "barcode", "title", "price", "stock", "sellable", "seen_at")

    def get_price(self, variant: CatalogVariant) -> str | None:
        return None if variant.price is None else amounts.text(variant.price, variant.connection.currency)


class UnlinkedSerializer(serializers.ModelSerializer[UnlinkedSku]):
    connection = serializers.CharField(source="connection.public_id")
    reason = serializers.ChoiceField(choices=UnlinkedReason.choices)

    class Meta:
        model = UnlinkedSku
        fields = ("id", "connection", "sku", "reason", "seen_at", "skipped_at")


class BlockedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """One unlinked SKU and what waits for it."""

    unlinked = UnlinkedSerializer(source="row")
    title = serializers.CharField(help_text="What the marketplace calls it.")
    orders = serializers.IntegerField(help_text="That wait for it.")
    money = serializers.SerializerMethodField(help_text="The totals of those orders, by currency.")
    candidates = CandidateSerializer(many=True, help_text="Products that fit the SKU.")

    @extend_schema_field(AmountSerializer(many=True))
    def get_money(self, one: linking.Blocked) -> list[dict[str, Any]]:
        rows: list[tuple[str, Decimal]] = sorted(one.money.items())
        return [dict(AmountSerializer({"amount": amount, "currency": code}).data) for code, amount in rows]


class OfferSerializer(serializers.Serializer):  # type: ignore[type-arg]
    title = serializers.CharField(help_text="What the marketplace calls it.")
    orders = serializers.SerializerMethodField(help_text="Ids of the oldest that wait.")
    more_orders = serializers.BooleanField(source="more")
    candidates = CandidateSerializer(many=True)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_orders(self, offer: linking.Offer) -> list[str]:
        return [push.order.public_id for push in offer.waiting]


class RemainingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    reason = serializers.CharField()
    orders = serializers.IntegerField()


class LinkTrialSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """As far as the copy of the catalog can tell."""

    tried = serializers.IntegerField()
    more = serializers.BooleanField(help_text="Not all that wait were tried.")
    go_on = serializers.IntegerField(help_text="Orders that a link would let go.")
    blocked = RemainingSerializer(many=True, help_text="What remains, and how many orders it holds.")


class CatalogSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """How far the reading of a store's catalog is."""

    offered = serializers.BooleanField(help_text="False: the platform does not let the whole of it be read.")
    state = serializers.ChoiceField(choices=ReadingState.choices, allow_null=True, help_text="Null: never read.")
    variants = serializers.IntegerField(help_text="Read so far.")
    total = serializers.IntegerField(allow_null=True, help_text="Null: the platform does not say.")
    percent = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True, help_text="Of the last one that came to its end.")
    error = serializers.CharField()


class RankedPages(PageNumberPagination):
    """A ranking has numbered pages: it is made anew each time."""

    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 100


class UnlinkedList(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = RankedPages
    queryset = UnlinkedSku.objects.none()

    @extend_schema(
        operation_id="unlinked_skus_list",
        summary="List unlinked SKUs",
        description="Those that block most orders first, or most money of the business's currency.",
        parameters=[
            OpenApiParameter("skipped", bool, description="`true`: those that were put aside."),
            OpenApiParameter("sort", str, enum=_SORTS),
        ],
        responses={200: BlockedSerializer(many=True), 400: PROBLEM, **READING},
    )
    def get(self, request: Request) -> Response:
        skipped, by_money = _asked(request)
        page = self.paginate_queryset(linking.ranked(merchant_of(request), skipped=skipped, by_money=by_money))
        rows = linking.with_candidates(list(page or ()))
        return self.get_paginated_response(BlockedSerializer(rows, many=True).data)


class Candidates(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="unlinked_skus_candidates",
        summary="Products that could stand for a SKU",
        description="From the copy of the store's catalog: those that fit the SKU first, then those that resemble it.",
        parameters=[OpenApiParameter("q", str, description="Search for these words instead.")],
        responses={200: OfferSerializer, **READING},
    )
    def get(self, request: Request, unlinked_id: int) -> Response:
        row = _unlinked(request, unlinked_id)
        words = request.query_params.get("q", "").replace("\x00", "")[:120].strip()
        return Response(OfferSerializer(linking.to_choose_from(row.connection, row.sku, words)).data)


class TryLink(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="unlinked_skus_try",
        summary="What a link would do for the waiting orders",
        description="Nothing is saved and the store is not asked. Save the link under `product-links/`.",
        parameters=[OpenApiParameter("variant_id", str, required=True, description="One that the catalog's copy has.")],
        responses={200: LinkTrialSerializer, 400: PROBLEM, **READING},
    )
    def get(self, request: Request, unlinked_id: int) -> Response:
        row = _unlinked(request, unlinked_id)
        wanted = serializers.CharField(max_length=200).run_validation(request.query_params.get("variant_id", ""))
        variant = CatalogVariant.objects.filter(connection=row.connection, variant_id=wanted).first()
        if variant is None:
            text = (
                "The copy of the catalog has no such product. Read the catalog, or save the link: the store is asked."
            )
            raise ValidationError({"variant_id": text}, code="unknown")
        trial = linking.try_link(row.connection, row.sku, variant)
        blocked = [{"reason": reason, "orders": orders} for reason, orders in trial.blocked]
        told = {"tried": trial.tried, "more": trial.more, "go_on": trial.go_on, "blocked": blocked}
        return Response(LinkTrialSerializer(told).data)


class _PutAside(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def change(self, request: Request, unlinked_id: int, service: Callable[..., UnlinkedSku]) -> Response:
        try:
            row = service(unlinked_id=_unlinked(request, unlinked_id).pk, **who(request))
        except SkuRefused as refusal:
            return problem(409, "sku_not_asked", str(refusal))
        return Response(UnlinkedSerializer(row).data)


class SkipUnlinked(_PutAside):
    @extend_schema(
        operation_id="unlinked_skus_skip",
        summary="Put an unlinked SKU aside",
        description="Its orders go on waiting.",
        request=None,
        responses={200: UnlinkedSerializer, 409: PROBLEM, **READING},
    )
    def post(self, request: Request, unlinked_id: int) -> Response:
        return self.change(request, unlinked_id, links.skip)


class UnskipUnlinked(_PutAside):
    @extend_schema(
        operation_id="unlinked_skus_unskip",
        summary="Ask for a SKU again that was put aside",
        request=None,
        responses={200: UnlinkedSerializer, 409: PROBLEM, **READING},
    )
    def post(self, request: Request, unlinked_id: int) -> Response:
        return self.change(request, unlinked_id, links.bring_back)


class Catalog(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="connections_catalog",
        summary="How far the reading of a catalog is",
        responses={200: CatalogSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_catalog(standing_connection(request, public_id)))


class ReadCatalog(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="connections_catalog_read",
        summary="Read the catalog of a store",
        description="It is read from its beginning in the background; one that is being read goes on.",
        request=None,
        responses={202: CatalogSerializer, 409: PROBLEM, **READING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection = standing_connection(request, public_id)
        try:
            catalog.start(connection_id=connection.pk, **who(request))
        except catalog.ReadingRefused as refusal:
            return problem(409, "catalog_not_read", str(refusal))
        return Response(_catalog(connection), status=202)


def _catalog(connection: Connection) -> dict[str, Any]:
    reading = catalog.reading_of(connection)
    row = reading.row
    told = {
        "offered": reading.offered,
        "state": row.state if row else None,
        "variants": row.variants if row else 0,
        "total": row.total if row else None,
        "percent": reading.percent,
        "started_at": row.started_at if row else None,
        "completed_at": row.completed_at if row else None,
        "error": row.error if row else "",
    }
    return dict(CatalogSerializer(told).data)


def _unlinked(request: Request, unlinked_id: int) -> UnlinkedSku:
    rows = UnlinkedSku.objects.of(merchant_of(request)).select_related("connection__sync_settings")
    row = rows.filter(pk=unlinked_id).first()
    if row is None:
        raise Http404
    return row


def _asked(request: Request) -> tuple[bool, bool]:
    """Whether those put aside are wanted, and whether money ranks. Raises ValidationError."""
    given = request.query_params
    for name in given.keys() - {"skipped", "sort", "page", "page_size"}:
        raise ValidationError({name: "There is no such filter."}, code="unknown_filter")
    skipped, sort = given.get("skipped", "false"), given.get("sort", "orders")
    if skipped not in _FLAGS:
        raise ValidationError({"skipped": "This is true or false."}, code="unknown_value")
    if sort not in _SORTS:
        raise ValidationError({"sort": f"This is one of: {', '.join(_SORTS)}."}, code="unknown_value")
    return _FLAGS[skipped], sort == "money"
