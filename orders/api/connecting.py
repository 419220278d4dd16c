"""The API's doors in: the platforms and what each asks for, connecting, and reconnecting. Secrets go in alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlencode

from django.conf import settings
from django.db import IntegrityError
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api_auth import ApiKeyThrottle, ConnectThrottle, HasApiKey, IsMerchantKey
from connectors import registry
from connectors.account import Entry
from connectors.errors import ConnectorError, MovedError, ServerKeyError
from connectors.forms import ConnectForm, ReconnectForm
from connectors.models import Connection
from connectors.services import apps, connecting
from connectors.services.connecting import Connected
from connectors.services.connections import NAME_MAX, StateRefused
from orders.api import link_views
from orders.api.answers import PROBLEM, READING
from orders.api.common import merchant_of, own_connection, valid, who
from orders.api.connection_serializers import ConnectionDetailSerializer
from orders.api.problems import problem

_EXAMPLE = {
    "platform": "shopify",
    "name": "Our store",
    "fields": {"base_url": "your-store.myshopify.com", "access_token": "shpat_...", "webhook_secret": "..."},
}


class FieldSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """One of `fields`."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the field's own, not the serializer's
    help = serializers.CharField()
    kind = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # as above
    choices = serializers.ListField(child=serializers.CharField())
    asked_again = serializers.BooleanField(help_text="Reconnecting asks for it too.")


class PlatformSerializer(serializers.Serializer):  # type: ignore[type-arg]
    platform = serializers.CharField()
    name = serializers.CharField()
    fields = FieldSerializer(many=True)  # type: ignore[assignment]  # of the platform, not the serializer's
    authorize_url = serializers.CharField(allow_null=True, help_text="Where a person connects without keys.")


class _EntrySerializer(serializers.Serializer):  # type: ignore[type-arg]
    fields = serializers.DictField(  # type: ignore[assignment]  # of the body, not the serializer's
        child=serializers.CharField(max_length=8000, allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="As `platforms/` names them.",
    )
    server_key = serializers.CharField(
        max_length=200,
        required=False,
        help_text="The key that a server showed in a 409, once a person has compared it.",
    )


class ConnectSerializer(_EntrySerializer):
    platform = serializers.CharField(max_length=30)
    name = serializers.CharField(max_length=NAME_MAX, required=False, help_text="Empty: the store's own.")


class ReconnectSerializer(_EntrySerializer):
    moved_to = serializers.CharField(
        max_length=200, required=False, help_text="What a 409 `moved` told, once it is known to be the same supplier."
    )


class ConnectedSerializer(serializers.Serializer):  # type: ignore[type-arg]
    connection = ConnectionDetailSerializer()
    warnings = serializers.ListField(child=serializers.CharField())


class AuthorizeSerializer(serializers.Serializer):  # type: ignore[type-arg]
    authorize_url = serializers.CharField(help_text="A person of the business opens it and agrees there.")


_ANSWERS: dict[Any, Any] = {
    202: OpenApiResponse(AuthorizeSerializer, description="No keys were given: a person connects it."),
    400: PROBLEM,
    409: OpenApiResponse(
        PROBLEM.response,
        description=(
            "`server_key`: the server shows the key `server_key` that nobody confirmed. `moved`: it is at another "
            "address, `moved_to`. Send the same again with it. `already_connected`; `connection_state`."
        ),
    ),
    **READING,
}


class Platforms(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]

    @extend_schema(
        operation_id="platforms_list",
        summary="What can be connected, and what each asks for",
        responses={200: PlatformSerializer(many=True), **READING},
    )
    def get(self, request: Request) -> Response:
        return Response(PlatformSerializer([_platform(known) for known in registry.platforms()], many=True).data)


class Connections(link_views.ConnectionList):
    throttle_classes = [ApiKeyThrottle]

    def get_throttles(self) -> list[Any]:
        return [*super().get_throttles(), *([ConnectThrottle()] if self.request.method == "POST" else [])]

    @extend_schema(
        operation_id="connections_connect",
        summary="Connect a store or a supplier",
        description="It is asked who it is before anything is saved. Keys are never shown again.",
        request=ConnectSerializer,
        responses={201: ConnectedSerializer, **_ANSWERS},
        examples=[OpenApiExample("A store with keys", value=_EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        body = valid(ConnectSerializer(data=request.data))
        platform, typed = body["platform"], body.get("fields", {})
        if not registry.knows(platform):
            raise ValidationError({"platform": "There is no such platform."}, code="unknown")
        if apps.can_authorize(platform) and not typed.keys() - {"base_url"}:
            return Response({"authorize_url": _authorize_url(platform, typed.get("base_url", ""))}, status=202)
        _refuse_unknown(typed, [field.name for field in registry.form_of(platform).FIELDS])
        form = ConnectForm({**typed, "name": body.get("name", "")}, platform=platform)
        entry = _entry(form, platform, body)
        return _answer(
            platform,
            lambda: connecting.establish(
                merchant_id=merchant_of(request).pk,
                entry=entry,
                platform=platform,
                name=form.cleaned_data["name"],
                **who(request),
            ),
            status=201,
        )


class Reconnect(APIView):
    permission_classes = [HasApiKey, IsMerchantKey]
    throttle_classes = [ApiKeyThrottle, ConnectThrottle]

    @extend_schema(
        operation_id="connections_reconnect",
        summary="Reconnect",
        description="New keys for the same store; what waited goes on.",
        request=ReconnectSerializer,
        responses={200: ConnectedSerializer, **_ANSWERS},
    )
    def post(self, request: Request, public_id: str) -> Response:
        connection = own_connection(request, public_id)
        body = valid(ReconnectSerializer(data=request.data))
        platform, typed = connection.platform, body.get("fields", {})
        if apps.can_authorize(platform) and not typed:
            path = reverse("connectors:reconnect", args=[public_id])
            return Response({"authorize_url": f"{settings.BASE_URL}{path}"}, status=202)
        _refuse_unknown(typed, registry.form_of(platform).RECONNECT)
        entry = _entry(ReconnectForm(typed, connection=connection), platform, body)
        if not body.get("server_key"):
            entry = connecting.with_known_server(connection, entry)
        moved_to = body.get("moved_to", "")
        return _answer(
            platform, lambda: connecting.reestablish(connection, entry, moved_to=moved_to, **who(request)), status=200
        )


def _platform(known: registry.Platform) -> dict[str, Any]:
    form = registry.form_of(known.key)
    asked = [
        {
            "name": field.name,
            "label": field.label,
            "help": field.help,
            "kind": field.kind,
            "required": field.required,
            "choices": [value for value, _ in field.choices],
            "asked_again": field.name in form.RECONNECT,
        }
        for field in form.FIELDS
    ]
    url = _authorize_url(known.key, "") if apps.can_authorize(known.key) else None
    return {"platform": known.key, "name": known.label, "fields": asked, "authorize_url": url}


def _authorize_url(platform: str, shop: str) -> str:
    query = f"?{urlencode({'shop': shop})}" if shop else ""
    return f"{settings.BASE_URL}{reverse('connectors:authorize', args=[platform])}{query}"


def _refuse_unknown(typed: dict[str, str], known: Any) -> None:
    if unknown := typed.keys() - set(known):
        raise ValidationError({"fields": dict.fromkeys(unknown, "There is no such field.")}, code="unknown_field")


def _entry(form: ConnectForm | ReconnectForm, platform: str, body: dict[str, Any]) -> Entry:
    """What was sent, as the page's form reads it. Raises ValidationError."""
    if not form.is_valid():
        found = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        whole = found.pop("__all__", [])
        raise ValidationError({"fields": found or whole})
    if not (server_key := body.get("server_key")):
        return form.entry
    if not registry.connector_class(platform).capabilities.folders:
        raise ValidationError({"server_key": "This platform is not known by a key."}, code="unknown_field")
    return connecting.confirmed(form.entry, server_key)


def _answer(platform: str, connect: Callable[[], Connected], *, status: int) -> Response:
    try:
        done = connect()
    except ServerKeyError as error:
        if not error.shown:
            raise ValidationError({"server_key": str(error)}, code=error.code) from error
        shown = error.shown
        return problem(409, "server_key", str(error), host=error.host, server_key=shown, known=error.known)
    except MovedError as error:
        return problem(409, "moved", str(error), moved_to=error.moved_to)
    except StateRefused as refusal:
        return problem(409, "connection_state", str(refusal))
    except IntegrityError:
        return problem(409, "already_connected", connecting.TAKEN)
    except ConnectorError as error:
        _blame(platform, error)
    connection = Connection.objects.select_related("merchant").get(pk=done.connection.pk)
    told = {"connection": connection, "warnings": done.warnings}
    return Response(ConnectedSerializer(told).data, status=status)


def _blame(platform: str, error: ConnectorError) -> NoReturn:
    field, text = connecting.blamed(registry.form_of(platform).FIELDS, error)
    raise ValidationError({"fields": {field: text} if field else text}, code=error.code) from error
