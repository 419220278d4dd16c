"""The API's doors to what a person can do about a push, a payment or a store's change that needs one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import PROBLEM, REFUSALS
from orders.api.common import merchant_of, valid, who, whole
from orders.api.serializers import OrderSerializer
from orders.api.views import OrderAction
from orders.models import OrderPush
from orders.services import (
    duplicates,
    kept_out,
    missing_again,
    overcharged,
    payments,
    push_findings,
    pushes,
    remote_cancel,
    store_changes,
)

_ANSWERS = {200: OrderSerializer, **REFUSALS}


class PushAction(APIView):
    """Something done about one push; the whole order is the answer."""

    permission_classes = [HasApiKey, IsMerchantKey]

    def act(self, request: Request, public_id: str, service: Callable[..., Any]) -> Response:
        rows = OrderPush.objects.filter(order__merchant=merchant_of(request), public_id=public_id)
        push = rows.only("pk", "order_id").first()
        if push is None:
            raise Http404
        service(push_id=push.pk, **who(request))
        return Response(OrderSerializer(whole(push.order_id)).data)


class RetryPush(PushAction):
    @extend_schema(
        operation_id="pushes_retry",
        summary="Send a push again",
        description="One that is held or waits. It is looked for at the destination first when it may be there.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, pushes.retry)


class SkipPush(PushAction):
    @extend_schema(
        operation_id="pushes_skip",
        summary="Keep an order out of a destination",
        description="Its lines are shipped from here then. Refused while the order is, or may be, there.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, pushes.skip)


class BringBackPush(PushAction):
    @extend_schema(
        operation_id="pushes_bring_back",
        summary="Let an order go to a destination that it was kept out of",
        description=(
            "It is checked again, or sent when the payment is taken. Refused once anything of it was shipped, set aside "
            "or given back here, and when the destination takes no orders any more."
        ),
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, kept_out.bring_back)


class FoundThereSerializer(serializers.Serializer[Any]):
    remote_id = serializers.CharField(
        max_length=300, help_text="The order's id at the destination, or the address of its page there."
    )


class FoundPush(PushAction):
    @extend_schema(
        operation_id="pushes_found",
        summary="Say that a held push stands at its destination",
        description=(
            "The order is read there first. Refused with `finding_refused` when there is none, when it carries another "
            "reference or another total, and when the push is not held."
        ),
        request=FoundThereSerializer,
        responses={**_ANSWERS, 400: PROBLEM},
    )
    def post(self, request: Request, public_id: str) -> Response:
        body = valid(FoundThereSerializer(data=request.data))
        return self.act(request, public_id, partial(push_findings.is_there, typed=body["remote_id"]))


class NotTherePush(PushAction):
    @extend_schema(
        operation_id="pushes_not_there",
        summary="Say that a held push does not stand at its destination",
        description=(
            "It is looked for first, and recorded if it is found: its status is `pushed` then. Otherwise it can be sent "
            "again as if for the first time, or kept out. Refused with `finding_refused` while the last request may still "
            "be on its way."
        ),
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, push_findings.is_not_there)


class CancelPush(PushAction):
    @extend_schema(
        operation_id="pushes_cancel",
        summary="Cancel an order at its destination again",
        description="For an order that was called off here and still stands there.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, remote_cancel.ask_again)


class SettleTotal(PushAction):
    @extend_schema(
        operation_id="pushes_settle_total",
        summary="Say that a total above what was paid has been dealt with",
        description="For a push with `holds_more`, which was edited at its destination. A later edit there asks anew.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, overcharged.settle)


class SendMissing(PushAction):
    @extend_schema(
        operation_id="pushes_send_missing",
        summary="Send what a destination left out of an order there again",
        description=(
            "For a push that is held with lines that are `missing`: they go to the same destination in a push of their own "
            "(`beside`). Otherwise refund them, or keep them here."
        ),
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, missing_again.send)


class KeepMissing(PushAction):
    @extend_schema(
        operation_id="pushes_keep_missing",
        summary="Keep here what a destination left out of an order",
        description="Its lines are shipped from here then, or brought back for the destination later (`bring-back/`).",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, missing_again.keep)


class GivenBack(PushAction):
    @extend_schema(
        operation_id="pushes_given_back",
        summary="Say that what a destination left out was given back in the store where it was paid",
        description=(
            "For an order of a store that took the money itself (`payment.gateway` is `store`): no money moves by it. Its "
            "units are called off, and nothing is held for them any more. Refused for money that was taken here: refund it."
        ),
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, missing_again.given_back)


class NotGivenBack(PushAction):
    @extend_schema(
        operation_id="pushes_not_given_back",
        summary="Take back that something was given back in the store where it was paid",
        description="What `given-back/` called off is owed to the customer again, and holds the push while it is missing.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, missing_again.not_given_back)


class TwoOrders(PushAction):
    @extend_schema(
        operation_id="pushes_two_orders",
        summary="Say that orders with one reference are different orders",
        description="For a push that is held with `suspected_duplicate`. It goes on; its `copies` are `kept` and not asked about again.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, duplicates.are_two)


class CancelCopies(PushAction):
    @extend_schema(
        operation_id="pushes_cancel_copies",
        summary="Have the copies of an order cancelled at its destination",
        description=(
            "For a push that is held with `suspected_duplicate`: all of its `copies` that are not `kept`. A worker cancels "
            "them and looks; where nothing can be cancelled from here, it looks whether you did. The push goes on after that."
        ),
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, duplicates.cancel_copies)


class CaptureOrder(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_capture",
        summary="Take a payment that failed again",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, payments.retry_capture)


class SettleChange(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_settle_change",
        summary="Say that a change in the store has been dealt with",
        description="What happened there since the order was sent stands in the order's `attention`.",
        request=None,
        responses=_ANSWERS,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, store_changes.settle)
