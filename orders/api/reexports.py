"""The API's doors to re-exports: set to re-export, read the plan, choose, withdraw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, who
from orders.api.reexport_serializers import ChoiceSerializer, ReexportSerializer
from orders.models import OrderPush, Reexport
from orders.services import reexports


class PushReexport(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="pushes_reexport_read",
        summary="The last re-export of a push",
        responses={200: ReexportSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        row = _rows(request).filter(push__public_id=public_id).order_by("-pk").first()
        if row is None:
            raise Http404
        return Response(ReexportSerializer(row).data)

    @extend_schema(
        operation_id="pushes_reexport",
        summary="Set a push to re-export",
        description=(
            "A worker looks at the copy at the destination; `status` becomes `ready` and `ways` tell what can be done, or "
            "`refused` with the reason. Nothing is changed there before one of the ways is chosen."
        ),
        request=None,
        responses={201: ReexportSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        push_id = (
            OrderPush.objects.of(merchant_of(request)).filter(public_id=public_id).values_list("pk", flat=True).first()
        )
        if push_id is None:
            raise Http404
        row = reexports.ask(push_id=push_id, **who(request))
        return Response(ReexportSerializer(_rows(request).get(pk=row.pk)).data, status=201)


class ReexportDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="reexports_read", summary="One re-export", responses={200: ReexportSerializer, **READING}
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(ReexportSerializer(_row(request, public_id)).data)


class ReexportAction(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    def act(self, request: Request, public_id: str, service: Callable[..., Reexport], **fields: Any) -> Response:
        row = _row(request, public_id)
        service(reexport_id=row.pk, **who(request), **fields)
        return Response(ReexportSerializer(_row(request, public_id)).data)


class ChooseReexport(ReexportAction):
    @extend_schema(
        operation_id="reexports_choose",
        summary="Choose what is done about the earlier copy",
        description="Refused for a way that is not `possible`. The destination is looked at once more before it is touched.",
        request=ChoiceSerializer,
        responses={200: ReexportSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Cancel there and create anew", value={"way": "recreate"}, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        body = valid(ChoiceSerializer(data=request.data))
        return self.act(request, public_id, reexports.choose, way=body["way"])


class LookAgain(ReexportAction):
    @extend_schema(
        operation_id="reexports_look",
        summary="Look at the destination again",
        description="What can be done is planned anew, from what stands there now.",
        request=None,
        responses={200: ReexportSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, reexports.look_again)


class WithdrawReexport(ReexportAction):
    @extend_schema(
        operation_id="reexports_withdraw",
        summary="Leave the earlier copy as it is",
        request=None,
        responses={200: ReexportSerializer, **REFUSALS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(request, public_id, reexports.withdraw)


def _rows(request: Request) -> Any:
    return Reexport.objects.of(merchant_of(request)).select_related("push__order", "successor")


def _row(request: Request, public_id: str) -> Reexport:
    row: Reexport | None = _rows(request).filter(public_id=public_id).first()
    if row is None:
        raise Http404
    return row
