"""In which version of its API a platform writes webhooks: another than ours may name or lack what we read in them."""

from __future__ import annotations

from logging import getLogger

from connectors.base import InboundNotice
from connectors.models import Connection
from connectors.registry import connector_class

logger = getLogger(__name__)


def note(connection: Connection, notice: InboundNotice) -> None:
    """Keep the version while it is not ours; written when it changes, so that a burst costs one statement."""
    expected = connector_class(connection.platform).webhook_version
    if not expected or not notice.api_version:
        return
    other = notice.api_version if notice.api_version != expected else ""
    if other:
        ids = {"connection_id": connection.pk, "topic": notice.topic, "expected": expected, "told": other}
        logger.warning("webhook of another api version", extra=ids)
    if other != connection.webhook_version:
        Connection.objects.filter(pk=connection.pk).update(webhook_version=other)


def words(connection: Connection) -> str:
    """For a merchant; empty when there is nothing to say."""
    if not connection.webhook_version:
        return ""
    driver = connector_class(connection.platform)
    return (
        f"{driver.label} sends webhooks of version {connection.webhook_version}; Storeward reads {driver.webhook_version}."
        " Choose that version in the app's settings there. Until then what changed is also asked for."
    )
