"""The verbs that change something there, and what each refusal becomes."""

from __future__ import annotations

import pytest
import responses

from connectors.base import WebhookState
from connectors.errors import ConnectionGoneError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.shopify import mapping, refusals
from connectors.shopify.connector import TOPICS
from tests.connectors.shopify.orders import line, order
from tests.connectors.shopify.shop import URL, answers, connector, hit, operations, page, sent

CALLBACK = "https://portal.example.com/webhooks/shopify/abc/"

pytestmark = pytest.mark.usefixtures("wire")


def refusal(message: str, *field, code: str | None = "INVALID") -> None:
    answers({"orderCreate": {"order": None, "userErrors": [{"field": list(field), "message": message, "code": code}]}})


# --- creating ---


def test_a_created_order_is_known_by_its_id_name_and_page():
    answers({"orderCreate": {"order": hit(1), "userErrors": []}})

    assert connector().create(order()).name == "#1001"
    assert sent() == connector().request_for(order())


def test_an_order_that_was_shown_before_is_formed_once_and_sent_as_it_was_shown(monkeypatch):
    answers({"orderCreate": {"order": hit(1), "userErrors": []}})
    driver, one, formed = connector(), order(), []
    form = mapping.order_variables
    monkeypatch.setattr(mapping, "order_variables", lambda each: formed.append(each) or form(each))

    (shown,) = driver.calls_for(one)
    driver.create(one)

    assert responses.calls[-1].request.body == shown.body
    assert formed == [one]


def test_another_order_is_formed_anew():
    answers({"orderCreate": {"order": hit(1), "userErrors": []}})
    driver, other = connector(), order(line(1), line(2))

    driver.calls_for(order())
    driver.create(other)

    assert sent() == connector().request_for(other)


@pytest.mark.parametrize(
    ("message", "field", "code", "blocker", "sku"),
    [
        ("No stock", "order.lineItems.0", "INVENTORY_CLAIM_FAILED", "out_of_stock", "SKU-1"),
        ("No stock", "order.lineItems.1", "INVENTORY_CLAIM_FAILED", "out_of_stock", "SKU-2"),
        ("No stock", "order", "INVENTORY_CLAIM_FAILED", "out_of_stock", ""),
        ("Rate", "order.lineItems.0.taxLines.0.rate", "TAX_LINE_RATE_MISSING", "tax_missing", "SKU-1"),
        ("Order Line items is invalid", "order.lineItems.1", "INVALID", "sku_gone", "SKU-2"),
        ("Order Line items is invalid", "order", "INVALID", "not_sellable", ""),
        ("Order Phone is invalid", "order.phone", "INVALID", "phone_required", ""),
        ("Zip is not valid for NZ", "order.shippingAddress.zip", "INVALID", "postcode_invalid", ""),
        ("Province is not valid", "order.shippingAddress", "INVALID", "province_unknown", ""),
        ("City can't be blank", "order.shippingAddress.city", "INVALID", "address_incomplete", ""),
        ("Note is too long (maximum is 5000 characters)", "order.note", "INVALID", "text_too_long", ""),
        ("Value has already been taken", "order.metafields.0", "INVALID", "already_at_destination", ""),
        ("Something new", "order.x", "SOMETHING_NEW", "internal_error", ""),
        ("Something new", "", None, "internal_error", ""),
    ],
)
def test_a_refusal_is_a_blocker_with_the_platforms_words(message, field, code, blocker, sku):
    refusal(message, *field.split("."), code=code)

    with pytest.raises(RejectedError) as caught:
        connector().create(order(line(1), line(2)))

    (found,) = caught.value.blockers
    assert (found.code.value, found.value) == (blocker, sku)
    assert message in found.message


def test_a_phone_that_another_customer_has_is_told_with_the_way_out():
    refusal("Phone has already been taken", "order", "customer", "toUpsert", "phone")

    with pytest.raises(RejectedError) as caught:
        connector().create(order())

    (found,) = caught.value.blockers
    assert (found.code.value, found.field) == ("phone_required", "customer.toUpsert.phone")
    assert "turn off that customers are created" in found.message


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (["order", "lineItems", 0, "taxLines", "1", "rate"], "lineItems[0].taxLines[1].rate"),
        (["order", "shippingAddress", "zip"], "shippingAddress.zip"),
        (["shippingLines", "0"], "shippingLines[0]"),
        (["order"], ""),
        ([], ""),
        (None, ""),
    ],
)
def test_the_field_of_a_refusal_reads_the_same_however_shopify_writes_it(field, path):
    assert refusals.path({"field": field}) == path


def test_a_gone_product_is_named_when_there_is_only_one():
    errors = [
        {"field": ["order"], "message": text, "code": "INVALID"}
        for text in ("Order Line items is invalid", "Line items Title can't be blank")
    ]
    answers({"orderCreate": {"order": None, "userErrors": errors}})

    with pytest.raises(RejectedError) as caught:
        connector().create(order())

    assert [(each.code.value, each.value) for each in caught.value.blockers] == [("sku_gone", "SKU-1")]


def test_a_trial_shops_limit_waits_and_costs_nothing():
    refusal("Too many attempts. Please try again later.")

    with pytest.raises(RetryableError) as caught:
        connector().create(order())

    assert (type(caught.value), caught.value.throttled, caught.value.after_s) == (RetryableError, True, 15)


def test_a_dormant_shop_is_gone():
    refusal("Shop is dormant", code="SHOP_DORMANT")

    with pytest.raises(ConnectionGoneError):
        connector().create(order())


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        [],
        7,
        {"order": None, "userErrors": []},
        {"order": None, "userErrors": [7]},
        {"order": {"id": "1"}},
        {"order": 7},
    ],
)
def test_an_answer_that_says_neither_leaves_the_outcome_unknown(payload):
    answers({"orderCreate": payload})

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


def test_an_order_that_was_created_counts_whatever_else_is_said():
    answers({"orderCreate": {"order": hit(1), "userErrors": [{"field": None, "message": "Hm", "code": "INVALID"}]}})

    assert connector().create(order()).name == "#1001"


def test_creating_sends_one_request_only():
    responses.add(responses.POST, URL, status=502)

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())

    assert operations() == ["OrderCreate"]


# --- cancelling ---


def cancelled(*, job=None, message: str = "") -> None:
    errors = [{"field": ["orderId"], "message": message, "code": "INVALID"}] if message else []
    answers({"orderCancel": {"job": job, "orderCancelUserErrors": errors}})


def test_cancelling_restocks_without_refund_or_mail():
    cancelled(job={"id": "1", "done": True})

    connector().cancel("gid://shopify/Order/1", note="x" * 300)

    assert sent() == {
        "orderId": "gid://shopify/Order/1",
        "reason": "OTHER",
        "restock": True,
        "refundMethod": {"originalPaymentMethodsRefund": False},
        "notifyCustomer": False,
        "staffNote": "x" * 255,
    }


@pytest.mark.parametrize("job", [{"id": "1", "done": True}, None])
def test_cancelling_looks_after_the_job(job):
    cancelled(job={"id": "1", "done": False})
    answers({"job": {"id": "1", "done": False}})
    answers({"job": job})

    connector().cancel("gid://shopify/Order/1", note="")

    assert operations() == ["OrderCancel", "JobStatus", "JobStatus"]


def test_a_cancellation_that_takes_long_is_asked_for_again():
    cancelled(job={"id": "1", "done": False})
    answers({"job": {"id": "1", "done": False}})
    answers({"job": {"id": "1", "done": False}})

    with pytest.raises(RetryableError) as caught:
        connector().cancel("gid://shopify/Order/1", note="")

    assert caught.value.after_s == 10


def test_what_is_cancelled_already_is_what_we_wanted():
    cancelled(message="Cannot cancel an order that has already been canceled")

    connector().cancel("gid://shopify/Order/1", note="")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Cancellation is already in progress", RetryableError),
        ("Too many attempts. Please try again later.", RetryableError),
        ("Cannot cancel an order with outstanding fulfillments", RejectedError),
    ],
)
def test_a_refused_cancellation_says_why(message, error):
    cancelled(message=message)

    with pytest.raises(error):
        connector().cancel("gid://shopify/Order/1", note="")


@pytest.mark.parametrize(
    "payload", [None, {}, {"job": None, "orderCancelUserErrors": []}, {"orderCancelUserErrors": [7]}]
)
def test_a_broken_answer_to_a_cancellation_leaves_it_unknown(payload):
    answers({"orderCancel": payload})

    with pytest.raises(OutcomeUnknownError):
        connector().cancel("gid://shopify/Order/1", note="")


# --- setting up ---


def defined(*errors: tuple[str, str]) -> None:
    listed = [{"field": None, "message": message, "code": code} for code, message in errors]
    answers({"metafieldDefinitionCreate": {"createdDefinition": None, "userErrors": listed}})


def subscribed(message: str = "") -> None:
    errors = [{"field": None, "message": message}] if message else []
    answers({"webhookSubscriptionCreate": {"webhookSubscription": None, "userErrors": errors}})


def test_missing_webhooks_are_made_and_the_metafield_defined():
    defined()
    standing = {"id": "1", "topic": TOPICS[0], "uri": CALLBACK}
    elsewhere = {"id": "2", "topic": TOPICS[1], "uri": "https://old.example/"}
    answers(page("webhookSubscriptions", standing, elsewhere))
    for _ in TOPICS[1:]:
        subscribed()

    assert connector().register_webhooks(CALLBACK) == WebhookState(TOPICS)
    assert operations().count("WebhookSubscriptionCreate") == len(TOPICS) - 1
    assert sent(0)["definition"]["type"] == "id"


def test_registering_twice_is_as_good_as_once():
    defined(("TAKEN", "Key is in use"))
    answers(page("webhookSubscriptions"))
    for _ in TOPICS:
        subscribed("Address for this topic has already been taken")

    assert connector().register_webhooks(CALLBACK).missing == ()


def test_a_webhook_that_is_refused_is_told_as_missing():
    defined()
    answers(page("webhookSubscriptions"))
    subscribed("You cannot create a webhook subscription with the specified topic")
    for _ in TOPICS[1:]:
        subscribed()

    assert connector().register_webhooks(CALLBACK).missing == (TOPICS[0],)


def test_a_refused_metafield_definition_is_an_error():
    defined(("RESERVED_NAMESPACE_KEY", "Namespace is reserved"))

    with pytest.raises(RejectedError, match="Namespace is reserved"):
        connector().register_webhooks(CALLBACK)
