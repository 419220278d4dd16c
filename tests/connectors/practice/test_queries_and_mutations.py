"""Searches, key look-ups, set-up, and fulfillment over GraphQL."""

from __future__ import annotations

import pytest

from connectors.practice import dials, services
from connectors.practice.models import PracticeShop
from tests.connectors.practice.shop import CREATE, ask, bag, code, create, data, line, order_input, read, send

SEARCH = "query Q($q: String, $first: Int!, $after: String) { orders(first: $first, query: $q, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } }"  # noqa: E501
BY_ID = "query Q($i: OrderIdentifierInput!) { orderByIdentifier(identifier: $i) { name } }"
DEFINE = "mutation D($d: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $d) { createdDefinition { id } userErrors { code } } }"  # noqa: E501
SUBSCRIBE = "mutation S($t: WebhookSubscriptionTopic!, $w: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: $t, webhookSubscription: $w) { webhookSubscription { id } userErrors { message } } }"  # noqa: E501
FULFILL = "mutation F($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { fulfillment { id status } userErrors { field message } } }"  # noqa: E501
DEFINITION = {"name": "Ours", "namespace": "$app:ours", "key": "id", "type": "id", "ownerType": "ORDER"}
CUSTOM = {"customId": {"namespace": "$app:ours", "key": "id", "value": "SW-1"}}
METAFIELD = {"namespace": "$app:ours", "key": "id", "type": "id", "value": "SW-1"}


def names(shop, query, **paging):
    return [node["name"] for node in data(shop, SEARCH, q=query, first=10, **paging)["nodes"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("source_identifier:'SW-1'", ["#1001"]),
        ("source_identifier:SW-2", ["#1002"]),
        ("tag:'Red tag'", ["#1001"]),
        ("tag:none", []),
        ("name:#1002", ["#1002"]),
        ("updated_at:>='2020-01-01T00:00:00Z'", ["#1001", "#1002"]),
        ("updated_at:>='2099-01-01T00:00:00Z'", []),
        ("tag:'Red tag' AND created_at:>='2099-01-01T00:00:00Z'", []),
        ("unknown_filter:1", ["#1001", "#1002"]),
        (None, ["#1001", "#1002"]),
    ],
)
def test_orders_are_found_by_what_the_index_knows(shop, query, found):
    create(shop, sourceIdentifier="SW-1", tags=["red tag"])
    create(shop, sourceIdentifier="SW-2")

    assert names(shop, query) == found


def test_pages_follow_each_other(shop):
    for _ in range(3):
        create(shop)

    first = data(shop, SEARCH, first=2)
    second = data(shop, SEARCH, first=2, after=first["pageInfo"]["endCursor"])

    assert [node["name"] for node in second["nodes"]] == ["#1003"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


def test_a_cursor_that_is_none_is_refused(shop):
    assert code(ask(shop, SEARCH, first=2, after="!")) == "BAD_REQUEST"


def test_the_index_lags_only_as_often_as_dialled(shop):
    create(shop)
    dials.turn(shop.pk, "index_lag", left=1, seconds=60)

    assert names(shop, None) == []
    assert names(shop, None) == ["#1001"]


def test_a_key_look_up_needs_the_definition(shop):
    create(shop, metafields=[METAFIELD])

    body = ask(shop, BY_ID, i=CUSTOM)

    assert (code(body), body["data"]) == ("NOT_FOUND", {"orderByIdentifier": None})


def test_a_key_look_up_does_not_lag(shop):
    data(shop, DEFINE, d=DEFINITION)
    create(shop, metafields=[METAFIELD])
    dials.turn(shop.pk, "index_lag", left=1, seconds=60)

    assert data(shop, BY_ID, i=CUSTOM) == {"name": "#1001"}


def test_a_definition_is_made_once(shop):
    assert data(shop, DEFINE, d=DEFINITION)["userErrors"] == []
    assert data(shop, DEFINE, d=DEFINITION)["userErrors"] == [{"code": "TAKEN"}]


def test_a_subscription_is_made_once(shop):
    variables = {"t": "ORDERS_CANCELLED", "w": {"uri": "https://portal.example/", "format": "JSON"}}
    assert data(shop, SUBSCRIBE, **variables)["userErrors"] == []

    (error,) = data(shop, SUBSCRIBE, **variables)["userErrors"]

    assert error["message"] == "Address for this topic has already been taken"


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        ("http://127.0.0.1:8000/webhooks/", True),
        ("http://portal.example/", False),
        ("ftp://127.0.0.1/", False),
        ("portal.example", False),
        ("", False),
    ],
)
def test_webhooks_go_to_https_or_to_this_machine(shop, uri, taken):
    answer = data(shop, SUBSCRIBE, t="ORDERS_CANCELLED", w={"uri": uri})

    assert (answer["webhookSubscription"] is not None) is taken


def test_a_topic_asks_for_its_scope(shop):
    PracticeShop.objects.update(scopes=["write_orders"])

    answer = data(shop, SUBSCRIBE, t="FULFILLMENTS_CREATE", w={"uri": "https://portal.example/"})

    assert answer["userErrors"]


# --- fulfillment and refunds ---


def fulfillment_of(order, **fields):
    return {
        "lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": f"gid://shopify/FulfillmentOrder/{order.pk}"}],
        **fields,
    }


def test_a_supplier_fulfills_over_the_api(shop):
    order = create(shop)
    info = {"company": "UPS", "numbers": ["1Z1", "1Z2"], "urls": ["https://ups.example/1Z1"]}

    answer = data(shop, FULFILL, f=fulfillment_of(order, trackingInfo=info))

    assert answer["fulfillment"]["status"] == "SUCCESS"
    assert read(shop, order)["fulfillments"][0]["trackingInfo"] == [
        {"number": "1Z1", "company": "UPS", "url": "https://ups.example/1Z1"},
        {"number": "1Z2", "company": "UPS", "url": None},
    ]
    assert read(shop, order)["fulfillmentOrders"]["nodes"][0]["supportedActions"] == []


def test_what_is_fulfilled_is_not_fulfilled_again(shop):
    order = create(shop)
    data(shop, FULFILL, f=fulfillment_of(order))

    (error,) = data(shop, FULFILL, f=fulfillment_of(order))["userErrors"]

    assert error["message"] == f"Fulfillment order {order.pk} has an unfulfillable status= closed."


def test_a_fulfillment_order_that_is_not_there_is_refused(shop):
    group = {"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/999999"}

    (error,) = data(shop, FULFILL, f={"lineItemsByFulfillmentOrder": [group]})["userErrors"]

    assert error["message"] == "Fulfillment order does not exist."


def test_more_than_is_left_is_refused(shop):
    order = create(shop)
    item = {"id": f"gid://shopify/FulfillmentOrderLineItem/{order.lines.get().pk}", "quantity": 2}
    group = {"fulfillmentOrderId": f"gid://shopify/FulfillmentOrder/{order.pk}", "fulfillmentOrderLineItems": [item]}

    (error,) = data(shop, FULFILL, f={"lineItemsByFulfillmentOrder": [group]})["userErrors"]

    assert error["message"] == "Invalid fulfillment order line item quantity requested."


def test_without_the_scope_there_are_no_fulfillment_orders_and_nothing_says_so(shop):
    order = create(shop)
    PracticeShop.objects.update(scopes=["write_orders", "read_products"])

    assert read(shop, order)["fulfillmentOrders"]["nodes"] == []


def test_tracking_is_replaced_over_the_api(shop):
    order = create(shop)
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[{"number": "OLD"}])
    query = "mutation T($id: ID!, $t: FulfillmentTrackingInput!) { fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $t) { fulfillment { trackingInfo(first: 5) { number } } userErrors { message } } }"  # noqa: E501

    answer = data(shop, query, id=f"gid://shopify/Fulfillment/{sent.pk}", t={"number": "NEW"})

    assert answer["fulfillment"]["trackingInfo"] == [{"number": "NEW"}]


def refund_query(directive=""):
    return f"mutation R($i: RefundInput!) {{ refundCreate(input: $i) {directive} {{ refund {{ id }} userErrors {{ message }} }} }}"


def test_a_refund_asks_for_an_idempotency_key(shop):
    order = create(shop)

    body = ask(shop, refund_query(), i={"orderId": f"gid://shopify/Order/{order.pk}"})

    assert code(body) == "BAD_REQUEST"


def test_a_refund_with_the_same_key_is_the_same_refund(shop):
    sale = {"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro", "amountSet": bag("50.00")}
    gid = f"gid://shopify/Order/{create(shop, transactions=[sale]).pk}"
    given = {"orderId": gid, "transactions": [{"orderId": gid, "kind": "REFUND", "gateway": "x", "amount": "5.00"}]}

    first = data(shop, refund_query('@idempotent(key: "k")'), i=given)
    again = data(shop, refund_query('@idempotent(key: "k")'), i=given)

    assert first == again
    assert shop.orders.get().refunded == 5


# --- budget and faults ---


def test_a_request_costs_what_its_fields_cost(shop):
    cost = ask(shop, "{ shop { id } }")["extensions"]["cost"]

    assert (cost["requestedQueryCost"], cost["throttleStatus"]["maximumAvailable"]) == (1, 2000)


def test_fragments_cost_as_much_as_fields(shop):
    plain = ask(shop, "{ orders(first: 10) { nodes { id lineItems(first: 10) { nodes { id } } } } }")
    hidden = ask(
        shop,
        "{ orders(first: 10) { nodes { ...F } } } fragment F on Order { id lineItems(first: 10) { nodes { id } } }",
    )

    assert hidden["extensions"]["cost"]["requestedQueryCost"] == plain["extensions"]["cost"]["requestedQueryCost"] > 10


def test_an_empty_bucket_throttles_and_creates_nothing(shop):
    PracticeShop.objects.update(bucket=0, bucket_at="2099-01-01T00:00:00Z")

    body = ask(shop, CREATE, order=order_input(shop))

    assert code(body) == "THROTTLED"
    assert not shop.orders.exists()


def test_a_query_of_more_than_1000_points_is_refused(shop):
    query = "{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { taxLines(first: 250) { title } } } fulfillments(first: 250) { fulfillmentLineItems(first: 250) { nodes { lineItem { id } } } } } } }"  # noqa: E501

    assert code(ask(shop, query)) == "MAX_COST_EXCEEDED"


def test_a_dial_counts_down_and_stops(shop):
    dials.turn(shop.pk, "down", left=2)

    statuses = [send(shop, {"query": "{ shop { id } }"}).status_code for _ in range(3)]

    assert statuses == [502, 502, 200]


def test_too_many_requests_say_how_long_to_wait(shop):
    dials.turn(shop.pk, "too_many", left=1)

    assert send(shop, {"query": "{ shop { id } }"}).headers["Retry-After"] == "5.0"


def test_a_lost_answer_leaves_the_order(shop):
    dials.turn(shop.pk, "lost_answer", left=1)

    answer = send(shop, {"query": CREATE, "variables": {"order": order_input(shop)}})

    assert (answer.status_code, shop.orders.count()) == (500, 1)


def test_a_refused_order_uses_up_no_lost_answer(shop):
    dials.turn(shop.pk, "lost_answer", left=1)

    ask(shop, CREATE, order=order_input(shop, lineItems=[line(shop, quantity=0)]))

    assert PracticeShop.objects.get().dials["lost_answer"]["left"] == 1


def test_a_dial_that_does_not_exist_is_an_error(shop):
    with pytest.raises(KeyError):
        dials.turn(shop.pk, "gremlins", left=1)


COUNT = "query Count($limit: Int = 10000) { productVariantsCount(limit: $limit) { count precision } }"


@pytest.mark.parametrize(("limit", "count", "precision"), [(None, 2, "EXACT"), (2, 2, "EXACT"), (1, 1, "AT_LEAST")])
def test_variants_are_counted_up_to_the_limit(shop, limit, count, precision):
    assert data(shop, COUNT, limit=limit) == {"count": count, "precision": precision}


def test_counting_variants_needs_the_scope_of_reading_them(shop):
    shop.scopes = ["write_orders"]
    shop.save()

    assert code(ask(shop, COUNT)) == "ACCESS_DENIED"
