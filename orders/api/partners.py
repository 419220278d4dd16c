"""The API's doors to partnerships: asked for, answered, set up, ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.models import Merchant
from connectors.errors import ConnectorError
from connectors.models import CatalogVariant, Partnership, PartnershipState, Side
from connectors.services import partner_products, partner_settings, partners
from connectors.services.partners import PartnerRefused
from orders.api import partner_serializers as words
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, who
from orders.api.paging import NEWEST, KeyCursor, Sort
from orders.errors import PartnershipRefused
from orders.services import partner_orders, partner_terms

_WRITING = {400: PROBLEM, **REFUSALS}


class InvitedCursor(KeyCursor):
    sorts = {NEWEST: Sort("invited_at")}


class PartnershipList(GenericAPIView):  # type: ignore[type-arg]
    """All partnerships in which the merchant is either side."""

    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = InvitedCursor
    queryset = Partnership.objects.none()

    @extend_schema(
        operation_id="partnerships_list",
        summary="List partnerships",
        responses={200: words.PartnershipSerializer(many=True), **dict.fromkeys((401, 403, 429), PROBLEM)},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(_partnerships(request))
        context = {"merchant": merchant_of(request)}
        return self.get_paginated_response(words.PartnershipSerializer(page, many=True, context=context).data)

    @extend_schema(
        operation_id="partnerships_invite",
        summary="Ask somebody to work together",
        description="The same question again replaces the one before. Whoever is asked by e-mail answers with the mail's link.",
        request=words.InviteSerializer,
        responses={201: words.PartnershipSerializer, **_WRITING},
        examples=[
            OpenApiExample(
                "Sell their products", value={"side": "destination", "whom": "mia@atua.example"}, request_only=True
            )
        ],
    )
    def post(self, request: Request) -> Response:
        body, merchant = valid(words.InviteSerializer(data=request.data)), merchant_of(request)
        row = _refusing(
            partners.invite,
            merchant_id=merchant.pk,
            side=Side(body["side"]),
            whom=body["whom"],
            connection_id=_store_id(merchant, body.get("store")),
            **who(request),
        )
        return Response(_told(request, row.public_id), status=201)


class PartnershipDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partnerships_read",
        summary="Read one partnership",
        responses={200: words.PartnershipSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_told(request, public_id))


class AcceptPartnership(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partnerships_accept",
        summary="Accept a question that this merchant was asked by its short name",
        request=words.AcceptSerializer,
        responses={200: words.PartnershipSerializer, **_WRITING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row, merchant = _asked(request, public_id), merchant_of(request)
        body = valid(words.AcceptSerializer(data=request.data))
        store = _store_id(merchant, body.get("store"))
        _refusing(partners.accept, partnership_id=row.pk, merchant_id=merchant.pk, connection_id=store, **who(request))
        return Response(_told(request, public_id))


class DeclinePartnership(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partnerships_decline",
        summary="Decline a question that this merchant was asked by its short name",
        request=None,
        responses={200: words.PartnershipSerializer, **READING, 409: PROBLEM},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = _asked(request, public_id)
        _refusing(partners.decline, partnership_id=row.pk, merchant_id=merchant_of(request).pk, **who(request))
        return Response(_told(request, public_id))


class RevokePartnership(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partnerships_revoke",
        summary="End a partnership, or take a question back",
        description="Nothing new is sent from now on; what waits is held and says why.",
        request=None,
        responses={200: words.PartnershipSerializer, **READING, 409: PROBLEM},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = _partnership(request, public_id)
        _refusing(partner_orders.revoke, partnership_id=row.pk, merchant_id=merchant_of(request).pk, **who(request))
        return Response(_told(request, public_id))


class PartnershipSettings(APIView):
    """A destination's: how its orders go to the partner's store."""

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partnerships_settings_read",
        summary="How orders go to a partner's store",
        responses={200: words.PartnerSettingsSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_chosen(_standing(request, public_id, Side.DESTINATION)))

    @extend_schema(
        operation_id="partnerships_settings_change",
        summary="Change how orders go to a partner's store",
        description="`shipping_rules` replaces them all; the highest total that is reached counts.",
        request=words.PartnerSettingsSerializer,
        responses={200: words.PartnerSettingsSerializer, **_WRITING},
        examples=[
            OpenApiExample(
                "By itself, 10.00 from 100.00 on",
                value={"automatic": True, "shipping_rules": [{"at_least": "100.00", "costs": "10.00"}]},
                request_only=True,
            )
        ],
    )
    def patch(self, request: Request, public_id: str) -> Response:
        row = _standing(request, public_id, Side.DESTINATION)
        body = valid(words.PartnerSettingsSerializer(data=request.data))
        rules = body.pop("shipping_rules", None)
        given = None if rules is None else [partner_settings.Threshold(**rule) for rule in rules]
        _refusing(partner_terms.save, partnership_id=row.pk, rules=given, **who(request), **body)
        return Response(_chosen(row))


class SharedProducts(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="partnerships_products_list",
        summary="The products that are shared",
        responses={200: words.SharedProductSerializer(many=True), **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        row = _partnership(request, public_id)
        rows = CatalogVariant.objects.filter(connection_id=row.connection_id or 0).order_by("sku", "pk")
        return Response(words.SharedProductSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="partnerships_products_share",
        summary="Share products of your store",
        description="Your store is asked for them. One that it does not have, or has twice, shares none of them.",
        request=words.ShareSerializer,
        responses={200: words.SharedProductSerializer(many=True), **_WRITING},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = _standing(request, public_id, Side.SOURCE)
        skus = list(dict.fromkeys(valid(words.ShareSerializer(data=request.data))["skus"]))
        store = row.source_connection
        assert store is not None  # noqa: S101  # partnership_accepted_is_whole
        try:
            found = partner_products.look_up(store, skus)
        except ConnectorError as error:
            raise ValidationError({"skus": str(error)}, code=error.code) from error
        if found.missing:
            raise ValidationError({"skus": f"No single product: {', '.join(found.missing[:10])}."}, code="unknown")
        _refusing(partner_products.share, partnership_id=row.pk, variants=found.variants, **who(request))
        return self.get(request, public_id)

    @extend_schema(
        operation_id="partnerships_products_unshare",
        summary="Share a product of your store no more",
        description="The partner's orders that have not been sent need another way.",
        parameters=[OpenApiParameter("variant_id", str, required=True)],
        responses={204: None, **_WRITING},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        row = _standing(request, public_id, Side.SOURCE)
        wanted = CharField(max_length=200).run_validation(request.query_params.get("variant_id", ""))
        if not CatalogVariant.objects.filter(connection=row.connection, variant_id=wanted).exists():
            raise Http404
        _refusing(partner_products.unshare, partnership_id=row.pk, variant_id=wanted, **who(request))
        return Response(status=204)


def _partnerships(request: Request) -> Any:
    related = ("source", "destination", "source_connection", "connection")
    return Partnership.objects.of(merchant_of(request)).select_related(*related)


def _partnership(request: Request, public_id: str) -> Partnership:
    row: Partnership | None = _partnerships(request).filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row


def _told(request: Request, public_id: str) -> dict[str, Any]:
    row = _partnership(request, public_id)
    return dict(words.PartnershipSerializer(row, context={"merchant": merchant_of(request)}).data)


def _asked(request: Request, public_id: str) -> Partnership:
    """A question to this merchant by its short name; one by e-mail is for that address to answer."""
    row = _partnership(request, public_id)
    if row.email or partners.side_of(row, merchant_of(request)) == row.asked_by:
        raise Http404
    return row


def _standing(request: Request, public_id: str, side: Side) -> Partnership:
    row = _partnership(request, public_id)
    if row.state != PartnershipState.ACCEPTED or partners.side_of(row, merchant_of(request)) != side:
        raise Http404
    return row


def _chosen(row: Partnership) -> dict[str, Any]:
    connection = row.connection
    assert connection is not None  # noqa: S101  # partnership_accepted_is_whole
    chosen = partner_settings.settings_of(connection)
    rules, money = row.shipping_rules.order_by("at_least", "pk"), {"currency": connection.merchant.currency}
    return {
        "automatic": chosen.automatic,
        "email_policy": chosen.email_policy,
        "other_email": chosen.other_email,
        "shipping_rules": words.PartnerShippingRuleSerializer(rules, many=True, context=money).data,
    }


def _store_id(merchant: Merchant, public_id: str | None) -> int | None:
    if not public_id:
        return None
    stores = {store.public_id: store.pk for store in partners.offered_stores(merchant)}
    if public_id not in stores:
        raise ValidationError({"store": "This is no store of yours."}, code="unknown")
    return stores[public_id]


def _refusing(service: Callable[..., Any], **given: Any) -> Any:
    """The service's answer; its refusal as a problem, with the field where there is one."""
    try:
        return service(**given)
    except PartnerRefused as refusal:
        if refusal.field:
            raise ValidationError({refusal.field: str(refusal)}, code="not_possible") from refusal
        raise PartnershipRefused(str(refusal)) from refusal
