"""How connections are shown."""

from __future__ import annotations

from django import template

from connectors.registry import connector_class, knows

register = template.Library()


@register.filter
def platform_label(platform: str) -> str:
    """The platform as it writes itself; a key that is no longer known stands as it is."""
    return connector_class(platform).label if knows(platform) else platform
