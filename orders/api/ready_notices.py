"""The API's doors to an order that waits for its customer, which the store where it was bought was not told."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import REFUSALS
from orders.api.common import merchant_of, who
from orders.api.shipping_serializers import ReadyNoticeSerializer
from orders.models import ReadyNotice
from orders.services import ready_notices


class _OneReadyNotice(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def found(self, request: Request, public_id: str) -> ReadyNotice:
        row = ReadyNotice.objects.filter(order__merchant=merchant_of(request), public_id=public_id).first()
        if row is None:
            raise Http404
        return row


class RetryReadyNotice(_OneReadyNotice):
    @extend_schema(
        operation_id="ready_notices_retry",
        summary="Tell the store again that the order can be picked up",
        request=None,
        responses={200: ReadyNoticeSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = self.found(request, public_id)
        fresh = ready_notices.retry(notice_id=row.pk, **who(request))
        return Response(ReadyNoticeSerializer(fresh).data)


class SettleReadyNotice(_OneReadyNotice):
    @extend_schema(
        operation_id="ready_notices_settle",
        summary="Say that you marked the order as ready for pickup in the store",
        description="For one that is held.",
        request=None,
        responses={200: ReadyNoticeSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = self.found(request, public_id)
        fresh = ready_notices.settle(notice_id=row.pk, **who(request))
        return Response(ReadyNoticeSerializer(fresh).data)
