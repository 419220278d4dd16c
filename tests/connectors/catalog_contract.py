"""The part of the contract that is about the whole catalog, and about what a preview shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from connectors.base import PreviewCall
from connectors.errors import ConnectorError, NotOfferedError

if TYPE_CHECKING:
    from tests.connectors.contract import Store
    from tests.connectors.secrecy import Told


class CatalogContract:
    def test_the_whole_catalog_is_read_page_by_page_where_the_platform_lets_it(self, store: Store, told: Told):
        if not store.can.catalog:
            with told.refusal(NotOfferedError):
                store.driver.catalog_pages("")
            return
        pages = [store.driver.catalog_pages("")]
        while pages[-1].next_cursor:
            pages.append(store.driver.catalog_pages(pages[-1].next_cursor))

        listed = [variant for page in pages for variant in page.variants]

        assert len({variant.variant_id for variant in listed}) == len(listed)
        assert store.variant().variant_id in {variant.variant_id for variant in listed if variant.sku == store.sku}
        assert pages[0].total in (None, len(listed))

    def test_a_place_in_the_catalog_that_is_none_is_refused(self, store: Store, told: Told):
        with told.refusal(ConnectorError):
            store.driver.catalog_pages("!")

    def test_what_a_preview_shows_is_what_is_sent_without_its_keys(self, store: Store):
        order = store.order()

        calls = store.driver.calls_for(order)

        shown = [json.dumps([call.method, call.path, dict(call.headers)]) for call in calls]
        assert not [secret for secret in store.secrets() for text in shown if secret in text]
        assert all(call.method and call.path and call.body for call in calls)
        bodies = [json.loads(call.body) for call in calls if call.headers.get("Content-Type") == "application/json"]
        assert [name for body in bodies for name in body if name not in _told(calls)] == []


def _told(calls: tuple[PreviewCall, ...]) -> set[str]:
    """The parts of bodies whose source is told."""
    return {path.partition(".")[0] for call in calls for path in call.sources}
