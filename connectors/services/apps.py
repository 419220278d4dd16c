"""Our own apps at the platforms: what the operator registered, from the settings."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from connectors.grants import App
from connectors.models import Connection
from connectors.registry import oauth_of
from connectors.services import practice


def app_of(platform: str) -> App | None:
    """None when the operator registered none: then a merchant connects with keys alone."""
    key: str = getattr(settings, f"{platform.upper()}_APP_KEY", "")
    secrets: list[str] = getattr(settings, f"{platform.upper()}_APP_SECRETS", [])
    login_url: str = getattr(settings, f"{platform.upper()}_LOGIN_URL", "")
    return App(key, tuple(filter(None, secrets)), login_url) if key and any(secrets) else None


def app_at(app: App, base_url: str) -> App:
    """The app as a store at this address knows it: a practice store has its login where it answers."""
    return replace(app, login_url=base_url) if practice.is_practice(base_url) else app


def can_authorize(platform: str) -> bool:
    """Whether a merchant can connect on the platform's own page."""
    module = oauth_of(platform)
    return module is not None and (module.HANDS_OVER or app_of(platform) is not None)


def webhook_secrets(connection: Connection) -> list[str]:
    """Secrets of ours that the platform signs this connection's webhooks with; empty when it uses its own."""
    module, app = oauth_of(connection.platform), app_of(connection.platform)
    signs = connection.by_app and module is not None and module.SIGNS_WITH_APP
    return list(app.secrets) if signs and app is not None else []
