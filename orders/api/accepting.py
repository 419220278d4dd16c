"""The API's doors to auto-accept rules, to what they would have done, and to opening hours and deadlines."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from accounts.models import Merchant
from orders.api.accepting_serializers import (
    HOURS_EXAMPLE,
    RULE_EXAMPLE,
    AcceptedOrderSerializer,
    AcceptRuleSerializer,
    AcceptSettingsSerializer,
    LookBackSerializer,
    NewAcceptRuleSerializer,
    NewAcceptSettingsSerializer,
    NewOpeningHoursSerializer,
    OpeningHoursSerializer,
)
from orders.api.answers import PROBLEM, READING
from orders.api.common import merchant_of, valid, who
from orders.models import AcceptRule, Order
from orders.services import accept_rules, backtest, opening_hours

_WRITING = {**READING, 400: PROBLEM, 422: PROBLEM}
_RULE = [OpenApiExample("Known customers near by", value=RULE_EXAMPLE, request_only=True)]
_HOURS = [OpenApiExample("Nine to five", value=HOURS_EXAMPLE, request_only=True)]


class AutoAccept(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="auto_accept_read",
        summary="The auto-accept rules and what counts for all of them",
        responses={200: AcceptSettingsSerializer, **READING},
    )
    def get(self, request: Request) -> Response:
        return Response(_settings(merchant_of(request)))

    @extend_schema(
        operation_id="auto_accept_update",
        summary="Set what happens when no rule holds, and shadow mode",
        request=NewAcceptSettingsSerializer,
        responses={200: AcceptSettingsSerializer, **_WRITING},
    )
    def put(self, request: Request) -> Response:
        body, merchant = valid(NewAcceptSettingsSerializer(data=request.data)), merchant_of(request)
        accept_rules.save_settings(merchant_id=merchant.pk, **body, **who(request))
        merchant.refresh_from_db()
        return Response(_settings(merchant))


class AcceptRuleList(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="auto_accept_rules_add",
        summary="Add an auto-accept rule",
        description="The first rule whose conditions all hold decides. It counts for orders that are checked from then on.",
        request=NewAcceptRuleSerializer,
        responses={201: AcceptRuleSerializer, **_WRITING},
        examples=_RULE,
    )
    def post(self, request: Request) -> Response:
        body = valid(NewAcceptRuleSerializer(data=request.data))
        place, merchant = body.pop("position", None), merchant_of(request)
        rule = accept_rules.add(merchant_id=merchant.pk, rule=_new(body), place=place, **who(request))
        return Response(AcceptRuleSerializer(_rule(request, rule.public_id)).data, status=201)


class AcceptRuleDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="auto_accept_rules_read",
        summary="Read an auto-accept rule",
        responses={200: AcceptRuleSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(AcceptRuleSerializer(_rule(request, public_id)).data)

    @extend_schema(
        operation_id="auto_accept_rules_update",
        summary="Change an auto-accept rule, and where it stands",
        request=NewAcceptRuleSerializer,
        responses={200: AcceptRuleSerializer, **_WRITING},
        examples=_RULE,
    )
    def put(self, request: Request, public_id: str) -> Response:
        rule, body = _rule(request, public_id), valid(NewAcceptRuleSerializer(data=request.data))
        place = body.pop("position", None)
        accept_rules.change(rule_id=rule.pk, rule=_new(body), place=place, **who(request))
        return Response(AcceptRuleSerializer(_rule(request, public_id)).data)

    @extend_schema(
        operation_id="auto_accept_rules_remove",
        summary="Remove an auto-accept rule",
        responses={204: None, **READING},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        accept_rules.remove(rule_id=_rule(request, public_id).pk, **who(request))
        return Response(status=204)


class LookBack(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="auto_accept_look_back",
        summary="What the rules would have done with the orders of the last 90 days",
        description="Nothing is changed. `not_knowable` says what cannot be told afterwards.",
        responses={200: LookBackSerializer, **READING},
    )
    def get(self, request: Request) -> Response:
        return Response(LookBackSerializer(backtest.run(merchant_of(request), at=timezone.now())).data)


class _Pages(PageNumberPagination):
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500


class LookBackOrders(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = _Pages
    queryset = Order.objects.none()

    @extend_schema(
        operation_id="auto_accept_look_back_orders",
        summary="Which orders of the last 90 days the rules would have accepted",
        description="The newest first, each with the rule that would have decided and how it ended.",
        responses={200: AcceptedOrderSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(backtest.run(merchant_of(request), at=timezone.now()).orders)
        return self.get_paginated_response(AcceptedOrderSerializer(page, many=True).data)


class OpeningHours(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="opening_hours_read",
        summary="Opening hours and deadlines",
        responses={200: OpeningHoursSerializer, **READING},
    )
    def get(self, request: Request) -> Response:
        return Response(OpeningHoursSerializer(opening_hours.of(merchant_of(request))).data)

    @extend_schema(
        operation_id="opening_hours_update",
        summary="Replace opening hours and deadlines",
        description="Deadlines of orders that are here stay; reminders and the last resort count for them too.",
        request=NewOpeningHoursSerializer,
        responses={200: OpeningHoursSerializer, **_WRITING},
        examples=_HOURS,
    )
    def put(self, request: Request) -> Response:
        body, merchant = valid(NewOpeningHoursSerializer(data=request.data)), merchant_of(request)
        channels = {row["channel"]: row["days"] for row in body.pop("channels")}
        body |= {name: tuple(body[name]) for name in ("closed_days", "remind_before")}
        opening_hours.save(
            merchant_id=merchant.pk,
            hours=opening_hours.NewHours(**body),
            ship_within=channels,
            **who(request),
        )
        return Response(OpeningHoursSerializer(opening_hours.of(merchant)).data)


def _rule(request: Request, public_id: str) -> AcceptRule:
    rule = AcceptRule.objects.of(merchant_of(request)).in_order().filter(public_id=public_id).first()
    if rule is None:
        raise Http404
    return rule


def _new(body: dict[str, Any]) -> accept_rules.NewRule:
    values = {**body, "countries": tuple(body["countries"]), "skus": tuple(body["skus"])}
    return accept_rules.NewRule(channel_id=values.pop("channel"), **values)


def _settings(merchant: Merchant) -> dict[str, Any]:
    values = {
        "default": merchant.auto_accept,
        "shadow": accept_rules.is_shadow(merchant),
        "rules": AcceptRule.objects.of(merchant).in_order(),
        "channels": accept_rules.channels_of(merchant),
    }
    data: dict[str, Any] = AcceptSettingsSerializer(values).data
    return data
