"""Platform -> its driver. A new platform is one folder and one line here."""

from __future__ import annotations

from functools import cache

from django.utils.module_loading import import_string

from connectors.base import Connector

_CONNECTORS = {
    "shopify": "connectors.shopify.connector.ShopifyConnector",
}


def platforms() -> list[str]:
    return list(_CONNECTORS)


@cache
def connector_class(platform: str) -> type[Connector]:
    """Raises KeyError for an unknown platform."""
    cls: type[Connector] = import_string(_CONNECTORS[platform])
    return cls
