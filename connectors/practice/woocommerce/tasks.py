"""What django-q2 runs for these stores."""

from __future__ import annotations

from logging import getLogger

from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.practice.models import PracticeWebhook

DEADLINE_S = 5.0

logger = getLogger(__name__)


def ping(webhook_id: int) -> None:
    """Greet a new webhook's address: unsigned, as a form. WooCommerce takes any answer."""
    webhook = PracticeWebhook.objects.filter(pk=webhook_id).first()
    if webhook is None:
        return  # deleted meanwhile
    client = HttpClient(allow_loopback=True, deadline_s=DEADLINE_S)
    try:
        client.request("POST", webhook.uri, form={"webhook_id": str(webhook.pk)}, operation="ping", changes=True)
    except ConnectorError as error:
        logger.info("ping not answered", extra={"webhook_id": webhook_id, "error": type(error).__name__})
    finally:
        client.close()
