"""The verbs that change something there, and what each refusal becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import responses

from connectors.base import Budget, WebhookState
from connectors.errors import CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.squarespace import mapping
from connectors.squarespace.connector import IMPORTS_AT_ONCE, IMPORTS_PER_S, TOPICS
from tests.connectors.squarespace.orders import OAUTH, VARIANT, line, order
from tests.connectors.squarespace.site import ORDER, answers, connector, paths, refuses, row, sent

CALLBACK = "https://portal.example.com/webhooks/squarespace/abc/"
ORDERS, SUBSCRIPTIONS = "/commerce/orders", "/webhook_subscriptions"

pytestmark = pytest.mark.usefixtures("wire")


# --- importing ---


@pytest.mark.parametrize("status", [200, 201])
def test_an_imported_order_is_known_by_its_id_and_number(status):
    answers(ORDERS, row(7), method="POST", status=status)

    ref = connector().create(order())

    assert (ref.remote_id, ref.name) == (ORDER.format(7), "#7")
    assert sent() == connector().request_for(order())


def test_every_attempt_for_one_order_carries_the_same_key():
    answers(ORDERS, row(), method="POST")
    site = connector()

    site.create(order())
    site.create(order())

    keys = [call.request.headers["Idempotency-Key"] for call in responses.calls]
    assert keys == [mapping.idempotency_key("SW-1")] * 2


@pytest.mark.parametrize(
    ("message", "blocker", "field", "sku"),
    [
        (
            "The sum of lineItems.unitPricePaid.value must equal subtotal.value.",
            "total_mismatch",
            "lineItems.unitPricePaid.value",
            "",
        ),
        ("grandTotal does not add up", "total_mismatch", "grandTotal", ""),
        ("lineItems.title must be null or omitted", "internal_error", "lineItems.title", ""),
        ("Required header 'Idempotency-Key' is not present.", "internal_error", "", ""),
        ("Idempotency-Key was used with other parameters", "already_at_destination", "", ""),
        ("Not enough stock for lineItems[1]", "out_of_stock", "lineItems[1]", "SKU-2"),
        (f"Insufficient quantity of {VARIANT.format(2)}", "out_of_stock", "", "SKU-2"),
        (f"Unknown variant {VARIANT.format(1)}", "sku_gone", "", "SKU-1"),
        ("lineItems[0].variantId does not exist", "sku_gone", "lineItems[0].variantId", "SKU-1"),
        ("A product does not exist", "not_sellable", "", ""),
        ("channelName exceeds 30 characters", "text_too_long", "channelName", ""),
        ("Currency is not the site's", "currency_unsupported", "", ""),
        ("customerEmail is not an email address", "email_required", "customerEmail", ""),
        ("shippingAddress.countryCode is unknown", "country_unsupported", "shippingAddress.countryCode", ""),
        ("shippingAddress.state is unknown", "province_unknown", "shippingAddress.state", ""),
        ("shippingAddress.postalCode is invalid", "postcode_invalid", "shippingAddress.postalCode", ""),
        ("shippingAddress.phone is invalid", "phone_required", "shippingAddress.phone", ""),
        ("shippingAddress.city is missing", "address_incomplete", "shippingAddress.city", ""),
        ("Something new", "internal_error", "", ""),
        ("", "internal_error", "", ""),
    ],
)
def test_a_refusal_is_a_blocker_with_the_platforms_words(message, blocker, field, sku):
    refuses(ORDERS, message, method="POST")

    with pytest.raises(RejectedError) as caught:
        connector().create(order(line(1), line(2)))

    (found,) = caught.value.blockers
    assert (found.code.value, found.field, found.value) == (blocker, field, sku)
    assert message in found.message
    assert "RUPSUSPOW" in found.message


def test_a_gone_product_is_named_when_there_is_only_one():
    refuses(ORDERS, "A variant does not exist", method="POST")

    with pytest.raises(RejectedError) as caught:
        connector().create(order())

    assert [(each.code.value, each.value) for each in caught.value.blockers] == [("sku_gone", "SKU-1")]


def test_a_key_that_may_only_read_is_for_the_merchant():
    refuses(ORDERS, status=403, method="POST")

    with pytest.raises(CredentialsError) as caught:
        connector().create(order())

    assert caught.value.code == "scope_missing"


@pytest.mark.parametrize("body", [{}, {"id": None, "orderNumber": "1"}, {"id": 7, "orderNumber": "1"}, [], None])
def test_a_yes_that_names_no_order_is_unclear(body):
    answers(ORDERS, method="POST", json=body)

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


def test_a_yes_without_a_body_is_unclear():
    answers(ORDERS, method="POST", status=204, body="")

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


# --- the limit on imports ---


def test_imports_are_planned_since_no_answer_tells_how_many_are_left():
    answers(ORDERS, row(), method="POST")
    site = connector()

    site.create(order())

    assert site.budget == Budget(None, IMPORTS_AT_ONCE, IMPORTS_PER_S)
    assert site.costs == {"create": 1}


def test_a_refusal_for_the_limit_leaves_nothing():
    answers(ORDERS, status=429, body="", method="POST")
    site = connector()

    with pytest.raises(RetryableError) as caught:
        site.create(order())

    assert (caught.value.throttled, caught.value.after_s, site.budget.available) == (True, 60, 0)


def test_the_plan_stays_below_what_squarespace_takes_in_any_hour():
    assert IMPORTS_AT_ONCE + 3600 * IMPORTS_PER_S < 100


def test_an_oauth_app_has_no_limit_on_imports():
    answers(ORDERS, row(), method="POST")
    site = connector(OAUTH)

    site.create(order())

    assert site.budget is None


# --- what cannot be done ---


def test_cancelling_is_left_to_the_merchant():
    assert not connector().capabilities.cancel
    with pytest.raises(RejectedError, match="Cancel it there"):
        connector().cancel(ORDER.format(1), note="")


# --- webhooks ---


def subscription(**fields) -> dict:
    given = {"id": "s1", "endpointUrl": CALLBACK, "topics": list(TOPICS), "createdOn": "2026-11-23T12:00:00Z"}
    return {**given, **fields}


def test_a_key_cannot_subscribe_and_does_not_try():
    assert connector().register_webhooks(CALLBACK) == WebhookState(())
    assert len(responses.calls) == 0


def test_one_subscription_is_made_for_all_topics_and_its_secret_handed_on():
    answers(SUBSCRIPTIONS, {"webhookSubscriptions": [subscription(endpointUrl="https://other.example/")]})
    answers(SUBSCRIPTIONS, {**subscription(), "secret": "the-secret"}, method="POST", status=201)

    state = connector(OAUTH).register_webhooks(CALLBACK)

    assert state == WebhookState(TOPICS, (), secret="the-secret")
    assert sent() == {"endpointUrl": CALLBACK, "topics": list(TOPICS)}
    assert state.secret not in repr(state)


def test_a_subscription_that_stands_is_left_alone():
    answers(SUBSCRIPTIONS, {"webhookSubscriptions": [subscription()]})

    state = connector(replace(OAUTH, webhook_secret={"secrets": ["ab12"]})).register_webhooks(CALLBACK)

    assert state == WebhookState(TOPICS)
    assert len(responses.calls) == 1


def test_a_topic_that_is_lacking_is_added():
    answers(SUBSCRIPTIONS, {"webhookSubscriptions": [subscription(topics=None)]})
    answers(f"{SUBSCRIPTIONS}/s1", subscription(), method="POST")

    connector(replace(OAUTH, webhook_secret={"secrets": ["ab12"]})).register_webhooks(CALLBACK)

    assert sent() == {"endpointUrl": CALLBACK, "topics": list(TOPICS)}


def test_a_secret_that_we_never_got_is_made_anew():
    answers(SUBSCRIPTIONS, {"webhookSubscriptions": [subscription()]})
    answers(f"{SUBSCRIPTIONS}/s1/actions/rotateSecret", {"secret": "cd34"}, method="POST")

    assert connector(OAUTH).register_webhooks(CALLBACK).secret == "cd34"
    assert paths()[-1] == f"{SUBSCRIPTIONS}/s1/actions/rotateSecret"


@pytest.mark.parametrize("body", [{}, {"secret": None}, {"secret": ""}])
def test_a_subscription_without_its_secret_is_unclear(body):
    answers(SUBSCRIPTIONS, {"webhookSubscriptions": None})
    answers(SUBSCRIPTIONS, body, method="POST")

    with pytest.raises(OutcomeUnknownError):
        connector(OAUTH).register_webhooks(CALLBACK)
