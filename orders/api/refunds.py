"""The API's doors to refunds that are quoted, tried again or withdrawn, and to what customers ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import BODY, PROBLEM, READING, REFUSALS
from orders.api.body_serializers import NewRefundSerializer
from orders.api.common import idempotency_key, merchant_of, valid, visible, who
from orders.api.paging import NEWEST, OF_ORDER, KeyCursor, Sort, of_order
from orders.api.refund_serializers import RefundQuoteSerializer, RefundRequestSerializer, quoted
from orders.api.serializers import ReasonSerializer, RefundSerializer
from orders.enums import RefundRequestStatus
from orders.models import Order, Refund, RefundPicture, RefundRequest
from orders.services import pictures, refund_body, refund_quotes, refund_requests, refunds

_KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)


class QuoteRefund(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_refund_quote",
        summary="What a refund would come to",
        description="Moves nothing and promises nothing. Refused as the refund itself would be.",
        request=NewRefundSerializer,
        responses={200: RefundQuoteSerializer, **BODY, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        order: Order | None = visible(request).filter(public_id=public_id).first()
        if order is None:
            raise Http404
        wanted = refund_body.read(request.data, currency=order.currency)
        quote = refund_quotes.quote(order, wanted)
        return Response(RefundQuoteSerializer(quoted(quote, refund_quotes.left_of(order))).data)


class RefundAction(APIView):
    """Something done about one refund."""

    permission_classes = [HasApiKey, IsMerchantKey]

    def act(self, request: Request, public_id: str, service: Callable[..., Refund]) -> Response:
        rows = Refund.objects.of(merchant_of(request)).filter(public_id=public_id)
        refund_id = rows.values_list("pk", flat=True).first()
        if refund_id is None:
            raise Http404
        service(refund_id=refund_id, **who(request))
        return Response(_told(refund_id))


class RetryRefund(RefundAction):
    @extend_schema(
        operation_id="refunds_retry",
        summary="Give a refund that failed again",
        description="What the gateway may have given already is looked for first: the money goes back once.",
        request=None,
        responses={200: RefundSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, refunds.try_again)


class WithdrawRefund(RefundAction):
    @extend_schema(
        operation_id="refunds_withdraw",
        summary="Withdraw a refund that gave nothing",
        description="Its units and its money can be given back anew. Refused while the money may have been given.",
        request=None,
        responses={200: RefundSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, refunds.withdraw)


# --- what customers ask for ------------------------------------------------------------------------


class AskedCursor(KeyCursor):
    sorts = {NEWEST: Sort("created_at")}


class RefundRequests(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = AskedCursor
    queryset = RefundRequest.objects.none()

    @extend_schema(
        operation_id="refund_requests_list",
        summary="List what customers ask back",
        parameters=[OF_ORDER, OpenApiParameter("status", str, enum=RefundRequestStatus.values)],
        responses={200: RefundRequestSerializer(many=True), 400: PROBLEM, **dict.fromkeys((401, 403, 429), PROBLEM)},
    )
    def get(self, request: Request) -> Response:
        rows, status = _requests(request), request.query_params.get("status", "")
        if status and status not in RefundRequestStatus.values:
            text = f"This is one of: {', '.join(RefundRequestStatus.values)}."
            raise ValidationError({"status": text}, code="unknown_value")
        rows = of_order(rows, request, "order")
        page = self.paginate_queryset(rows.filter(status=status) if status else rows)
        return self.get_paginated_response(RefundRequestSerializer(page, many=True).data)


class RefundRequestDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="refund_requests_read",
        summary="Read what a customer asks back",
        responses={200: RefundRequestSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(RefundRequestSerializer(_asked(request, public_id)).data)


class IssueRefundRequest(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="refund_requests_issue",
        summary="Give a customer what was asked for",
        description=(
            "Without a body exactly what was asked for, as far as its units are left; with one, what the body says. The "
            "customer is told once the money is given. The same body under the same `Idempotency-Key` is one refund."
        ),
        request=NewRefundSerializer,
        parameters=[_KEY],
        responses={
            201: RefundSerializer,
            200: OpenApiResponse(RefundSerializer, description="This refund was asked for before."),
            **BODY,
            **REFUSALS,
        },
    )
    def post(self, request: Request, public_id: str) -> Response:
        asked, key = _asked(request, public_id), idempotency_key(request)
        if request.data:
            wanted = refund_body.read(request.data, currency=asked.order.currency)
        else:
            wanted = refund_requests.wanted(asked, refund_quotes.left_of(asked.order))
        refund, created = refunds.issue(
            order_id=asked.order_id, wanted=wanted, key=key, request_id=asked.pk, **who(request)
        )
        headers = {} if created else {"Idempotent-Replayed": "true"}
        return Response(_told(refund.pk), status=201 if created else 200, headers=headers)


class DeclineRefundRequest(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="refund_requests_decline",
        summary="Decline what a customer asks for",
        description="The customer is told the reason by e-mail.",
        request=ReasonSerializer,
        responses={200: RefundRequestSerializer, 400: PROBLEM, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        asked, body = _asked(request, public_id), valid(ReasonSerializer(data=request.data))
        refund_requests.decline(request_id=asked.pk, answer=body["reason"], **who(request))
        return Response(RefundRequestSerializer(_asked(request, public_id)).data)


class RefundPictureFile(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="refund_requests_picture",
        summary="A picture that a customer sent",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, **READING},
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        row = RefundPicture.objects.of(merchant_of(request)).filter(public_id=public_id).first()
        if row is None:
            raise Http404
        headers = {"Content-Disposition": f'inline; filename="{row.public_id}.jpg"', "Cache-Control": "private"}
        return HttpResponse(bytes(row.content), content_type=pictures.CONTENT_TYPE, headers=headers)


def _requests(request: Request) -> QuerySet[RefundRequest]:
    known = Prefetch("lines__picture", RefundPicture.objects.defer("content"))
    return RefundRequest.objects.of(merchant_of(request)).select_related("order").prefetch_related("lines__line", known)


def _asked(request: Request, public_id: str) -> RefundRequest:
    row = _requests(request).filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row


def _told(refund_id: int) -> Any:
    return RefundSerializer(Refund.objects.prefetch_related("lines__line").get(pk=refund_id)).data
