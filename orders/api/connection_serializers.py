"""What the API tells of a connection: its health, its calls, and what disconnecting would do. Never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.models import CallLog, Connection
from connectors.services import health
from orders.api import amounts


class HealthSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """`headline` and `detail` are for people; the rest is for programs."""

    tone = serializers.ChoiceField(choices=get_args(health.Tone))
    headline = serializers.CharField()
    detail = serializers.CharField()
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_failure_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    poll_error = serializers.CharField(help_text="Why changes could not be fetched; empty: they could.")
    missing_scopes = serializers.ListField(child=serializers.CharField())
    access_readable = serializers.BooleanField(help_text="False: reconnect.")
    access_expires_at = serializers.DateTimeField(allow_null=True, help_text="Null: no end is known.")
    webhooks = serializers.ChoiceField(choices=get_args(health.Webhooks))
    webhook_topics = serializers.ListField(child=serializers.CharField())
    webhooks_checked_at = serializers.DateTimeField(allow_null=True)
    budget_free = serializers.FloatField(
        allow_null=True, help_text="The free part of the store's rate limit, from 0 to 1. Null: it was not told."
    )
    circuit = serializers.ChoiceField(choices=get_args(health.Circuit), help_text="`open`: no calls go out.")
    open_until = serializers.DateTimeField(allow_null=True)


class ConnectionDetailSerializer(serializers.ModelSerializer[Connection]):
    id = serializers.CharField(source="public_id")
    health = serializers.SerializerMethodField()

    class Meta:
        model = Connection
        fields = (
            "id", "name", "platform", "state", "state_reason", "currency", "shop_domain", "is_default",
            "is_destination", "is_channel", "connected_at", "health",
        )  # fmt: skip

    @extend_schema_field(HealthSerializer)
    def get_health(self, connection: Connection) -> dict[str, Any]:
        at = timezone.now()
        with timezone.override(connection.merchant.zone):
            told = asdict(health.of(connection, at=at))
        is_open = connection.open_until is not None and connection.open_until > at
        whole = {
            **told,
            "last_success_at": connection.last_success_at,
            "last_failure_at": connection.last_failure_at,
            "last_error": connection.last_error,
            "poll_error": connection.poll_error,
            "missing_scopes": connection.missing_scopes,
            "access_readable": health.is_readable(connection),
            "access_expires_at": connection.token_expires_at,
            "webhooks": health.webhooks_state(connection),
            "webhook_topics": connection.webhook_topics,
            "webhooks_checked_at": connection.webhooks_checked_at,
            "budget_free": health.free_budget(connection, at),
            "circuit": health.circuit_state(connection, at),
            "open_until": connection.open_until if is_open else None,
        }
        return dict(HealthSerializer(whole).data)


class ShopSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What the store said of itself just now."""

    name = serializers.CharField()
    currency = serializers.CharField()
    missing_scopes = serializers.ListField(child=serializers.CharField())


class WebhooksSerializer(serializers.Serializer):  # type: ignore[type-arg]
    missing = serializers.ListField(
        child=serializers.CharField(),
        help_text="Topics that could not be set up; `all` when the store did not answer. Changes are still polled.",
    )
    connection = ConnectionDetailSerializer()


class AmountSerializer(serializers.Serializer):  # type: ignore[type-arg]
    amount = serializers.SerializerMethodField()
    currency = serializers.CharField()

    def get_amount(self, money: Mapping[str, Any]) -> str:
        return amounts.text(money["amount"], money["currency"])


class ImpactShareSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Some orders, and what would become of them. An order may be in several shares."""

    label = serializers.CharField()  # type: ignore[assignment]  # the share's own, not the serializer's
    outcome = serializers.CharField()
    orders = serializers.IntegerField()
    money = AmountSerializer(many=True, help_text="Their totals. Empty for partners' orders.")


class EndingSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A partnership that would end."""

    id = serializers.CharField()
    partner = serializers.CharField(help_text="Its name, or the address that was invited.")
    state = serializers.CharField()
    outcome = serializers.CharField()


class ImpactSerializer(serializers.Serializer):  # type: ignore[type-arg]
    shares = ImpactShareSerializer(many=True, help_text="Empty: no open order is touched.")
    partnerships = EndingSerializer(many=True)


class LoggedCallSerializer(serializers.ModelSerializer[CallLog]):
    """One call to the store: no headers, no body, no query."""

    class Meta:
        model = CallLog
        fields = ("id", "at", "method", "url", "operation", "status", "outcome", "request_id", "duration_ms")
