"""Our own apps at the platforms: what the operator registered, from the settings."""

from __future__ import annotations

from django.conf import settings

from connectors.grants import App
from connectors.models import Connection
from connectors.registry import oauth_of


def app_of(platform: str) -> App | None:
    """None when the operator registered none: then a merchant connects with keys alone."""
    key: str = getattr(settings, f"{platform.upper()}_APP_KEY", "")
    secrets: list[str] = getattr(settings, f"{platform.upper()}_APP_SECRETS", [])
    return App(key, tuple(filter(None, secrets))) if key and any(secrets) else None


def can_authorize(platform: str) -> bool:
    """Whether a merchant can connect on the platform's own page."""
    module = oauth_of(platform)
    return module is not None and (module.HANDS_OVER or app_of(platform) is not None)


def webhook_secrets(connection: Connection) -> list[str]:
    """Secrets of ours that the platform signs this connection's webhooks with; empty when it uses its own."""
    module, app = oauth_of(connection.platform), app_of(connection.platform)
    signs = connection.by_app and module is not None and module.SIGNS_WITH_APP
    return list(app.secrets) if signs and app is not None else []
