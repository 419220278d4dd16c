"""Gateway name -> gateway. Only those named in settings.GATEWAYS can be used."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from connectors.gateway.base import Gateway

_GATEWAYS = {
    "sandbox": "connectors.gateway.sandbox.SandboxGateway",
    "stripe": "connectors.gateway.stripe.StripeGateway",
}


def names() -> list[str]:
    """Gateways that orders may name."""
    return [name for name in settings.GATEWAYS if name in _GATEWAYS]


@cache
def get(name: str) -> Gateway:
    """Raises KeyError for a gateway that this installation does not use."""
    if name not in names():
        raise KeyError(name)
    gateway: Gateway = import_string(_GATEWAYS[name])()
    return gateway
