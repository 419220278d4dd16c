"""The API's doors to a fulfillment that the store where the customer bought does not show as it is."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import REFUSALS
from orders.api.common import merchant_of, who
from orders.api.shipping_serializers import FulfillmentSerializer, WriteBackSerializer
from orders.models import Fulfillment, WriteBack
from orders.services import write_backs


class _OneWriteBack(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def found(self, request: Request, public_id: str) -> WriteBack:
        row = WriteBack.objects.filter(fulfillment__order__merchant=merchant_of(request), public_id=public_id).first()
        if row is None:
            raise Http404
        return row


class RetryWriteBack(_OneWriteBack):
    @extend_schema(
        operation_id="write_backs_retry",
        summary="Tell the store again what was sent, or that it was taken back",
        description="It is looked there first, so that nothing stands there twice.",
        request=None,
        responses={200: WriteBackSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = self.found(request, public_id)
        fresh = write_backs.retry(write_back_id=row.pk, **who(request))
        return Response(WriteBackSerializer(fresh).data)


class SettleWriteBack(_OneWriteBack):
    @extend_schema(
        operation_id="write_backs_settle",
        summary="Say that you marked the fulfillment in the store, or took it back there",
        description="For one that is held: what stands was marked as sent there by hand; what was taken back here, there too.",
        request=None,
        responses={200: FulfillmentSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        row = self.found(request, public_id)
        fulfillment = write_backs.settle(write_back_id=row.pk, **who(request))
        fresh = Fulfillment.objects.prefetch_related("lines__line", "parcels").get(pk=fulfillment.pk)
        return Response(FulfillmentSerializer(fresh).data)
