"""The API's doors to suppliers by e-mail and SFTP: their purchase orders, and the tracking that comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import IO, Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.filedrop import tracking
from connectors.filedrop.tracking import Sheet, TrackingFileError
from connectors.models import Connection, PurchaseOrder, PurchaseState, TrackingFile
from connectors.services import desk, suppliers
from orders.api.answers import PROBLEM, READING
from orders.api.common import valid, who
from orders.api.paging import NEWEST, KeyCursor, Sort
from orders.api.parsers import StrictJSONParser
from orders.api.problems import problem
from orders.api.serializers import ProblemSerializer
from orders.api.suppliers import supplier_of

_LISTING = {400: PROBLEM, **READING}
_ROW = {"po_number": "SW-AP-10023", "sku": "STOOL", "quantity": 2, "carrier": "NZ Post", "tracking_number": "NZ123456"}
_PAGING = frozenset({"cursor", "page_size"})


class CsvParser(BaseParser):
    """The bytes of a CSV file, no more of them than are needed to see that it is too large."""

    media_type = "text/csv"

    def parse(  # type: ignore[override]  # a request's data are whatever its parser returns
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> bytes:
        body: bytes = stream.read(tracking.MAX_BYTES + 1)
        return body


class TrackingRowSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Units of one product in one parcel."""

    po_number = serializers.CharField(max_length=60)
    sku = serializers.CharField(max_length=120, help_text="As in the purchase order.")
    quantity = serializers.IntegerField(min_value=1)
    carrier = serializers.CharField(max_length=100, required=False)
    tracking_number = serializers.CharField(max_length=120, required=False)
    tracking_url = serializers.CharField(max_length=500, required=False)
    shipped_on = serializers.DateField(required=False)


class TrackingRowsSerializer(serializers.Serializer):  # type: ignore[type-arg]
    rows = TrackingRowSerializer(many=True, allow_empty=False)


class TakenSerializer(serializers.Serializer):  # type: ignore[type-arg]
    orders = serializers.IntegerField(help_text="Purchase orders of which the rows said something new.")
    rows = serializers.IntegerField()


class TrackingFileSerializer(serializers.ModelSerializer[TrackingFile]):
    """A file that was found in the supplier's folder. `read_at` is null until it stops changing."""

    faults = serializers.ListField(child=serializers.CharField(), help_text="Why rows were not taken.")

    class Meta:
        model = TrackingFile
        fields = ("name", "size", "seen_at", "read_at", "rows", "faults")


class PurchaseOrderSerializer(serializers.ModelSerializer[PurchaseOrder]):
    """`sending`: nobody knows whether it arrived; it waits for `settle`."""

    class Meta:
        model = PurchaseOrder
        fields = ("reference", "file_name", "state", "created_at", "updated_at")


class SettleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    arrived = serializers.BooleanField(help_text="What the supplier said.")


class FileCursor(KeyCursor):
    """Newest first; a page's address stays true while files are added."""

    sorts = {NEWEST: Sort("seen_at")}


class PurchaseCursor(KeyCursor):
    sorts = {NEWEST: Sort("created_at")}


class TrackingFiles(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = FileCursor
    parser_classes = [StrictJSONParser, CsvParser]
    queryset = TrackingFile.objects.none()

    @extend_schema(
        operation_id="tracking_files_list",
        summary="List the files in a supplier's folder for tracking",
        description="Empty for a supplier without one.",
        responses={200: TrackingFileSerializer(many=True), **_LISTING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        _refuse_filters(request)
        page = self.paginate_queryset(_with_desk(request, public_id).tracking_files.all())
        return self.get_paginated_response(TrackingFileSerializer(page, many=True).data)

    @extend_schema(
        operation_id="tracking_files_take",
        summary="Take in tracking from a supplier",
        description=(
            "A CSV file as its body, or the same rows in JSON. All rows count or none: each that cannot be taken is in "
            "`errors` as `rows[n]`; `rows[0]` is the first below a file's header. The same rows again change nothing. "
            "Customers are told as they are by an upload."
        ),
        request={"application/json": TrackingRowsSerializer, "text/csv": bytes},
        responses={
            200: TakenSerializer,
            **_LISTING,
            422: OpenApiResponse(ProblemSerializer, description="Read, and refused row by row."),
        },
        examples=[
            OpenApiExample("One row", value={"rows": [_ROW]}, request_only=True, media_type="application/json"),
            OpenApiExample(
                "A file",
                value="po_number,sku,quantity,tracking_number\nSW-AP-10023,STOOL,2,NZ123456\n",
                request_only=True,
                media_type="text/csv",
            ),
        ],
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection = _with_desk(request, public_id)
        try:
            sheet, digest = _read(request.data)
            count = desk.take_sheet(
                connection_id=connection.pk,
                sheet=sheet,
                digest=digest,
                **who(request),
            )
        except TrackingFileError as error:
            return _refused(error)
        return Response({"orders": count, "rows": len(sheet.rows)})


class PurchaseOrders(GenericAPIView):  # type: ignore[type-arg]
    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = PurchaseCursor
    queryset = PurchaseOrder.objects.none()

    @extend_schema(
        operation_id="purchase_orders_list",
        summary="List the purchase orders of a supplier by e-mail or SFTP",
        parameters=[OpenApiParameter("state", str, enum=PurchaseState.values)],
        responses={200: PurchaseOrderSerializer(many=True), **_LISTING},
    )
    def get(self, request: Request, public_id: str) -> Response:
        _refuse_filters(request, "state")
        rows = _with_desk(request, public_id).purchase_orders.all()
        if "state" in request.query_params:
            rows = rows.filter(state=_state(request.query_params["state"]))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(PurchaseOrderSerializer(page, many=True).data)


class SettlePurchaseOrder(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="purchase_orders_settle",
        summary="Say whether a purchase order arrived",
        description=(
            "For one in state `sending`. Try its push again afterwards: what arrived is taken over, what did not is sent "
            "under the same number."
        ),
        request=SettleSerializer,
        responses={
            200: PurchaseOrderSerializer,
            **_LISTING,
            409: OpenApiResponse(ProblemSerializer, description="Nobody is unsure of it."),
        },
    )
    def post(self, request: Request, public_id: str, reference: str) -> Response:
        row = get_object_or_404(_with_desk(request, public_id).purchase_orders, reference=reference)
        body = valid(SettleSerializer(data=request.data))
        try:
            desk.settle(order_id=row.pk, arrived=body["arrived"], **who(request))
        except desk.SettledAlready as error:
            return problem(409, "settled", str(error))
        row.refresh_from_db()
        return Response(PurchaseOrderSerializer(row).data)


def _with_desk(request: Request, public_id: str) -> Connection:
    """A supplier whose purchase orders are in our own book; any other does not exist."""
    connection = supplier_of(request, public_id)
    if not suppliers.driver_class(connection).capabilities.desk:
        raise Http404
    return connection


def _refuse_filters(request: Request, *known: str) -> None:
    for name in request.query_params.keys() - _PAGING - set(known):
        raise ValidationError({name: "There is no such filter."}, code="unknown_filter")


def _state(given: str) -> str:
    if given not in PurchaseState.values:
        raise ValidationError({"state": f"One of: {', '.join(PurchaseState.values)}."}, code="invalid_choice")
    return given


def _read(given: Any) -> tuple[Sheet, str]:
    """The rows of a body, and its digest. Raises TrackingFileError, or ValidationError for JSON of another shape."""
    if isinstance(given, bytes):
        return tracking.read_each(given), sha256(given).hexdigest()
    rows = given.get("rows") if isinstance(given, Mapping) and set(given) == {"rows"} else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ValidationError({"rows": "Give a list of rows, and nothing besides."}, code="invalid")
    if len(rows) > tracking.MAX_ROWS:
        raise ValidationError({"rows": f"There are more than {tracking.MAX_ROWS} rows."}, code="max_length")
    items = [_cells(row, f"rows[{index}]") for index, row in enumerate(rows)]
    return tracking.from_items(items), sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _cells(row: Mapping[str, Any], place: str) -> dict[str, str]:
    cells = {}
    for name, value in row.items():
        if name not in (*tracking.REQUIRED, *tracking.OPTIONAL):
            raise ValidationError({f"{place}.{name}": "There is no such field."}, code="unknown_field")
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise ValidationError({f"{place}.{name}": "Give text or a whole number."}, code="invalid")
        cells[name] = "" if value is None else str(value)
    return cells


def _refused(error: TrackingFileError) -> Response:
    """One error per row; without a row it is about the file."""
    errors = [
        {
            "field": f"rows[{fault.line - 2}]" if fault.line else "",
            "code": "invalid",
            "message": f"{fault.text[:1].upper()}{fault.text[1:]}",
        }
        for fault in (error, *error.others)
    ]
    return problem(422, "invalid_tracking", "Nothing was taken: see `errors`.", errors=errors)
