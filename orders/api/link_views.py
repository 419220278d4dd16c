"""The API's doors to product links, for merchants' own keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import HasApiKey, IsMerchantKey
from connectors.errors import ConnectorError
from connectors.models import Connection, LinkSource, ProductLink
from connectors.services import link_files, links
from connectors.services.link_files import Checked, Verdict
from orders.api.answers import PROBLEM
from orders.api.common import merchant_of, valid, who
from orders.api.link_serializers import (
    ConnectionSerializer,
    ImportedSerializer,
    ImportSerializer,
    NewLinkSerializer,
    ProductLinkSerializer,
)
from orders.api.paging import NO_SUCH_CURSOR
from orders.api.problems import problem
from orders.queries import ID_DIGITS

_FIELD_OF = {Verdict.BAD: "marketplace_sku", Verdict.DUPLICATE: "marketplace_sku"}


class StoreNotAsked(APIException):
    status_code = 502


class LinkCursor(CursorPagination):
    """As they were made; a page's address stays true while links are added."""

    ordering = ("pk",)
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        place = "0" if cursor is None or cursor.position is None else str(cursor.position)
        if not (place.isascii() and place.isdigit() and len(place) < ID_DIGITS):
            raise NotFound(NO_SUCH_CURSOR, code="bad_cursor")
        return cursor


class ConnectionList(APIView):
    """The merchant's connections: their ids are what links are saved under."""

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="connections_list",
        summary="List connections",
        responses={200: ConnectionSerializer(many=True), **dict.fromkeys((401, 403, 429), PROBLEM)},
    )
    def get(self, request: Request) -> Response:
        rows = Connection.objects.of(merchant_of(request)).standing().order_by("name", "pk")
        return Response(ConnectionSerializer(rows, many=True).data)


class LinkList(GenericAPIView):  # type: ignore[type-arg]
    """Product links of all connections of the merchant, or of one."""

    permission_classes = [HasApiKey, IsMerchantKey]
    pagination_class = LinkCursor
    queryset = ProductLink.objects.none()

    @extend_schema(
        operation_id="product_links_list",
        summary="List product links",
        parameters=[OpenApiParameter(name, str) for name in ("connection", "sku")],
        responses={200: ProductLinkSerializer(many=True), **dict.fromkeys((400, 401, 403, 429), PROBLEM)},
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(_narrowed(_visible(request), request))
        return self.get_paginated_response(ProductLinkSerializer(page, many=True).data)

    @extend_schema(
        operation_id="product_links_save",
        summary="Save a product link",
        description=(
            "What waited for the SKU goes on. A link that the SKU has already is replaced. The store is asked when the "
            "product is not in the copy of its catalog."
        ),
        request=NewLinkSerializer,
        responses={
            201: ProductLinkSerializer,
            200: OpenApiResponse(ProductLinkSerializer, description="The SKU was linked before."),
            **dict.fromkeys((400, 401, 403, 404, 422, 429, 502), PROBLEM),
        },
    )
    def post(self, request: Request) -> Response:
        body = valid(NewLinkSerializer(data=request.data))
        connection = _connection(request, body["connection"])
        rows = link_files.from_items([{**body, "marketplace_sku": body["sku"]}])
        (checked,) = _checked(connection, rows)
        if checked.is_refused:
            return _refused([checked], prefix="")
        link = links.link(
            connection_id=connection.pk,
            sku=body["sku"],
            variant_id=checked.variant_id,
            variant_title=checked.variant_title,
            **who(request),
            source=LinkSource.API,
        )
        return Response(ProductLinkSerializer(link).data, status=201 if checked.verdict == Verdict.NEW else 200)


class LinkDetail(APIView):
    """One product link."""

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="product_links_delete",
        summary="Delete a product link",
        description="The next order with this SKU is matched anew.",
        responses={204: None, **dict.fromkeys((401, 403, 404, 429), PROBLEM)},
    )
    def delete(self, request: Request, link_id: int) -> Response:
        link = get_object_or_404(_visible(request), pk=link_id)
        links.unlink(link_id=link.pk, **who(request))
        return Response(status=204)


class LinkImportView(APIView):
    """Many links at once."""

    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="product_links_import",
        summary="Import product links",
        description="All rows are saved or none: a row that cannot be saved refuses the whole, with an error for each.",
        request=ImportSerializer,
        responses={200: ImportedSerializer, **dict.fromkeys((400, 401, 403, 404, 413, 422, 429, 502), PROBLEM)},
    )
    def post(self, request: Request) -> Response:
        body = valid(ImportSerializer(data=request.data))
        connection = _connection(request, body["connection"])
        checked = _checked(connection, link_files.from_items(body["rows"]))
        if body["dry_run"]:
            return Response(_told(checked, saved=0))
        if refused := [one for one in checked if one.is_refused]:
            return _refused(refused, prefix="rows")
        saved = link_files.save(connection, checked, **who(request), source=LinkSource.API)
        return Response(_told(checked, saved=saved))


def _visible(request: Request) -> QuerySet[ProductLink]:
    standing = Connection.objects.of(merchant_of(request)).standing()
    return ProductLink.objects.filter(connection__in=standing).select_related("connection__merchant")


def _narrowed(rows: QuerySet[ProductLink], request: Request) -> QuerySet[ProductLink]:
    """Raises ValidationError for a filter that does not exist."""
    for name in request.query_params.keys() - {"cursor", "page_size"}:
        value = request.query_params.get(name, "")
        if name not in ("connection", "sku"):
            raise ValidationError({name: "There is no such filter."}, code="unknown_filter")
        rows = rows.filter(**{"connection__public_id" if name == "connection" else "sku": value})
    return rows


def _checked(connection: Connection, rows: Sequence[link_files.Row]) -> list[Checked]:
    """Network, unless all products are known. Raises StoreNotAsked."""
    try:
        link_files.ask_for_missing(connection, rows, at=timezone.now())
    except ConnectorError as error:
        raise StoreNotAsked(f"{connection.name} could not be asked: {error}", code=error.code) from error
    return link_files.check(connection, rows)


def _refused(checked: Sequence[Checked], *, prefix: str) -> Response:
    """One error per row, naming the field that is to blame."""
    errors = [{"field": _field(one, prefix), "code": one.verdict.value, "message": one.message} for one in checked]
    return problem(422, "invalid_links", "Nothing was saved: see `errors`.", errors=errors)


def _field(one: Checked, prefix: str) -> str:
    name = _FIELD_OF.get(one.verdict) or ("variant_id" if one.row.variant_id else "store_sku")
    return f"{prefix}[{one.row.line - 1}].{name}" if prefix else name.removeprefix("marketplace_")


def _told(checked: Sequence[Checked], *, saved: int) -> dict[str, Any]:
    rows = [
        {
            "row": one.row.line,
            "marketplace_sku": one.row.sku,
            "verdict": one.verdict.value,
            "message": one.message,
            "variant_id": one.variant_id,
        }
        for one in checked
    ]
    return {"saved": saved, "rows": rows}


def _connection(request: Request, public_id: str) -> Connection:
    return get_object_or_404(Connection.objects.of(merchant_of(request)).standing(), public_id=public_id)
