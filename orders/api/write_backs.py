"""The API's door to a fulfillment that the store where the customer bought was not told of."""

from __future__ import annotations

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.shipping_serializers import WriteBackSerializer
from orders.api.views import REFUSALS, key_of
from orders.models import WriteBack
from orders.services import write_backs


class RetryWriteBack(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="write_backs_retry",
        summary="Tell the store again what was sent",
        description="It is looked there first, so that nothing stands there twice.",
        request=None,
        responses={200: WriteBackSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        key = key_of(request)
        row = WriteBack.objects.filter(fulfillment__order__merchant=key.merchant, public_id=public_id).first()
        if row is None:
            raise Http404
        fresh = write_backs.retry(write_back_id=row.pk, by=f"API key {key}", at=timezone.now())
        return Response(WriteBackSerializer(fresh).data)
