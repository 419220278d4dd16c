"""The API's doors to packing slips, commercial invoices and customs data."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from orders.api.answers import PROBLEM, READING, REFUSALS
from orders.api.common import merchant_of, valid, visible, visible_pk, who
from orders.api.serializers import OrderSerializer
from orders.api.views import OrderAction
from orders.enums import DocumentKind, JobStatus
from orders.models import DocumentJob
from orders.services import customs_data, documents

_CUSTOMS_EXAMPLE = {
    "invoice_number": "INV-1001",
    "lines": [{"id": "1", "hs_code": "9403.60", "origin_country": "NZ", "customs_value": "120.00"}],
}
_JOB_EXAMPLE = {"kind": "packing_slip", "orders": ["k2Xv9Qd4"]}


class CustomsLineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    id = serializers.CharField(max_length=100, help_text="The line's id, as the order gives it.")
    hs_code = serializers.CharField(max_length=20, required=False, help_text="6 to 12 digits; dots are left out.")
    origin_country = serializers.CharField(max_length=2, required=False, help_text="ISO 3166-1 alpha-2.")
    customs_value = serializers.CharField(required=False, help_text="Of the whole line, in the order's currency.")


class CustomsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What is left out stays; an empty text takes a value away."""

    invoice_number = serializers.CharField(max_length=60, required=False)
    invoice_key = serializers.CharField(max_length=60, required=False)
    lines = CustomsLineSerializer(many=True, required=False)


class NewJobSerializer(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=DocumentKind.choices)
    orders = serializers.ListField(
        child=serializers.CharField(max_length=32), min_length=1, max_length=documents.MOST_ORDERS
    )
    incoterm = serializers.ChoiceField(choices=documents.INCOTERMS, default=documents.DEFAULT_INCOTERM)


class JobSerializer(serializers.ModelSerializer[DocumentJob]):
    id = serializers.CharField(source="public_id")
    file = serializers.SerializerMethodField()

    class Meta:
        model = DocumentJob
        fields = ("id", "kind", "incoterm", "status", "refusal", "created_at", "ended_at", "file")

    def get_file(self, job: DocumentJob) -> str | None:
        """Where the PDF is; null until it is made."""
        if job.status != JobStatus.DONE:
            return None
        return f"{settings.BASE_URL}{reverse('api:document_file', args=[job.public_id])}"


class OrderDocument(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_document",
        summary="A document of one order, as PDF",
        description="Refused with 422 when something is missing for it: `errors` names every field.",
        parameters=[OpenApiParameter("incoterm", str, enum=documents.INCOTERMS)],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, 422: PROBLEM, **READING},
    )
    def get(self, request: Request, public_id: str, kind: str) -> HttpResponse:
        if kind not in DocumentKind.values:
            raise Http404
        incoterm = request.query_params.get("incoterm", documents.DEFAULT_INCOTERM)
        content = documents.make(order_ids=[visible_pk(request, public_id)], kind=DocumentKind(kind), incoterm=incoterm)
        return HttpResponse(content, content_type="application/pdf")


class CustomsData(OrderAction):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="orders_customs",
        summary="Fill in what customs asks for",
        request=CustomsSerializer,
        responses={200: OrderSerializer, 400: PROBLEM, 422: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Example", value=_CUSTOMS_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.decide(request, public_id, customs_data.save, given=request.data)


class DocumentJobs(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="documents_make",
        summary="Have one PDF made of many orders",
        description="A worker makes it; read the answer's `id` until `status` is `done` or `refused`. Kept for seven days.",
        request=NewJobSerializer,
        responses={202: JobSerializer, 400: PROBLEM, **REFUSALS},
        examples=[OpenApiExample("Example", value=_JOB_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        body = valid(NewJobSerializer(data=request.data))
        wanted = set(body["orders"])
        found = dict(visible(request).filter(public_id__in=wanted).values_list("public_id", "pk"))
        if set(found) != wanted:
            raise Http404
        merchant = merchant_of(request)
        job = documents.promise(
            merchant=merchant,
            order_ids=list(found.values()),
            kind=body["kind"],
            incoterm=body["incoterm"],
            **who(request),
        )
        return Response(JobSerializer(job).data, status=202)


class DocumentJobDetail(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="documents_read",
        summary="How far the PDF is",
        responses={200: JobSerializer, **READING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(JobSerializer(_job(request, public_id)).data)


class DocumentJobFile(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="documents_file",
        summary="The PDF",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **READING},
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        job = _job(request, public_id, status=JobStatus.DONE)
        return HttpResponse(bytes(job.content or b""), content_type="application/pdf")


def _job(request: Request, public_id: str, **more: Any) -> DocumentJob:
    return get_object_or_404(DocumentJob, merchant=merchant_of(request), public_id=public_id, **more)
