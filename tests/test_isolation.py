"""Every address, taken from the resolver: closed to strangers, and blind to other merchants' objects.

An address that is in none of the tables fails: whoever adds one says what it shows, or where that is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Merchant, Role
from accounts.services import members
from orders.enums import RuleKind
from orders.models import DocumentJob, Fulfillment, OrderPush, Reexport, RoutingRule
from tests.factories import NOON, make_connection, make_member, make_merchant, make_order
from tests.orders.api.client import make_api
from tests.orders.services.accepting import make_rule
from tests.orders.services.collected import make_pickup
from tests.orders.services.labelled import make_label, make_seller, send_to
from tests.orders.services.refundable import issue, make_paid

pytestmark = pytest.mark.django_db

# Open to strangers, page by page: what they may do there is tested where it stands.
OPEN = (
    "favicon.ico", "healthz", "accounts/", "webhooks/", "refund/<str:token>/", "invitation/<str:token>/",
    "connections/authorized/<str:platform>/keys/", "admin/",  # the admin has a log-in of its own
)  # fmt: skip
API_OPEN = ("api/v1/schema/", "api/v1/docs/", "api/v1/^.*$")
NOBODYS = ("connections/authorized/", "connections/new/", "settings/carriers/new/", "settings/partners/invitation/")
# whose other tests show that another merchant's object is 404
ELSEWHERE = {
    "links/bring-back/": "tests/orders/views/test_links.py",
    "links/skip/": "tests/orders/views/test_links.py",
    "product-links/": "tests/orders/api/test_links.py",
    "product-links/unlinked/": "tests/orders/api/test_unlinked.py",
    "partnerships/": "tests/orders/api/test_partners.py",
    "settings/partners/": "tests/orders/views/test_partner_pages.py",
    "settings/keys/": "tests/accounts/test_pages.py",
    "settings/team/": "tests/accounts/test_pages.py",
    "refund-requests/": "tests/orders/api/test_refund_requests.py",
    "refund-pictures/": "tests/orders/views/test_refunds.py",
    "requirements/": "tests/orders/api/test_drafts.py",  # a channel's name in one's own settings, no object
    "ready-notices/": "tests/orders/services/test_ready_notices.py",
    "write-backs/": "tests/orders/services/test_write_backs.py",
}


def fulfillment(merchant: Merchant) -> str:
    order = make_order(merchant)
    return Fulfillment.objects.create(order=order, status="success", shipped_at=NOON, created_at=NOON).public_id


def push(merchant: Merchant) -> OrderPush:
    return make_order(merchant, connections=[make_connection(merchant)]).pushes.get()


def labelled(merchant: Merchant) -> str:
    order = make_paid(merchant)
    send_to(order)
    return make_label(order).public_id


def invitation(merchant: Merchant) -> str:
    by = make_member(merchant, Role.OWNER)
    made = members.invite(merchant_id=merchant.pk, email="new@kauri.example", role=Role.VIEWER, invited_by=by, at=NOON)
    return str(made.pk)


def rule(merchant: Merchant) -> str:
    made = RoutingRule.objects.create(
        merchant=merchant, connection=make_connection(merchant), position=0, kind=RuleKind.values[0], value="X"
    )
    return made.public_id


# By what the address begins with, after "api/v1/" where it does: an object of the merchant.
OBJECTS: dict[str, Callable[[Merchant], str]] = {
    "orders/": lambda merchant: make_order(merchant).public_id,
    "pushes/": lambda merchant: push(merchant).public_id,
    "re-exports/": lambda merchant: (
        Reexport.objects.create(push=push(merchant), status="looking", asked_by="ana", asked_at=NOON).public_id
    ),
    "connections/": lambda merchant: make_connection(merchant).public_id,
    "links/": lambda merchant: make_connection(merchant).public_id,
    "documents/": lambda merchant: (
        DocumentJob.objects.create(
            merchant=merchant, kind="packing_slip", requested_by="ana", created_at=NOON
        ).public_id
    ),
    "fulfillments/": fulfillment,
    "labels/": labelled,
    "pickups/": lambda merchant: make_pickup(make_paid(merchant)).public_id,
    "refunds/": lambda merchant: issue(make_paid(merchant), {"1": 1}).public_id,
    "carriers/": lambda merchant: make_seller(merchant).public_id,
    "settings/carriers/": lambda merchant: make_seller(merchant).public_id,
    "auto-accept/rules/": lambda merchant: make_rule(merchant).public_id,
    "settings/auto-accept/": lambda merchant: make_rule(merchant).public_id,
    "settings/routing/": rule,
    "settings/team/invitations/": invitation,
    "settings/privacy/": lambda merchant: make_order(merchant).public_id,
}


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield address
        else:
            yield from addresses(pattern, address)


ALL = [address for address in addresses() if not address.startswith("practice/")]
OWNED = [address for address in ALL if "<" in address and not address.startswith((*OPEN, *NOBODYS, *API_OPEN))]


Answer = tuple[int, bytes]  # status and body
NOTHING = "0" * 32  # an id that nobody has
REFUSALS = (400, 403, 404, 405, 422)  # a body may be refused, and a kind of key, before anything is looked for


def begins(address: str) -> str:
    return address[: address.index("<")].removeprefix("api/v1/")


def number(public_id: str) -> str:
    """Where an address has a number: the object's own, or one that nobody has."""
    return public_id if public_id.isdigit() and public_id != NOTHING else "999999999"


def filled(address: str, public_id: str) -> str:
    """With the object's id; what else stands in angles is anything."""
    kinds = {"str": public_id, "int": number(public_id)}
    address = re.sub(r"<(str|int):[^>]+>", lambda kind: kinds[kind[1]], address, count=1)
    return "/" + re.sub(r"<int:[^>]+>", "1", re.sub(r"<str:[^>]+>", "x", address))


def test_every_address_of_an_object_is_in_a_table():
    unknown = {begins(address) for address in OWNED} - {*OBJECTS, *ELSEWHERE}

    assert unknown == set()


def test_no_address_is_open_to_strangers_unless_it_is_in_the_table():
    shown = {}
    for address in ALL:
        if address.startswith((*OPEN, *API_OPEN)):
            continue
        path = filled(address, "x")
        for method in ("GET", "POST"):
            answer = Client(raise_request_exception=False).generic(method, path, "{}", content_type="application/json")
            closed = 401 if path.startswith("/api/") else 302
            to_log_in = closed == 401 or answer.headers.get("Location", "").startswith("/accounts/login/")
            if answer.status_code not in (closed, 405) or (answer.status_code == closed and not to_log_in):
                shown[f"{method} {address}"] = answer.status_code

    assert shown == {}


@pytest.fixture
def theirs() -> dict[str, str]:
    """An object of every kind, all of one merchant."""
    merchant = make_merchant()
    return {begin: make(merchant) for begin, make in OBJECTS.items()}


def test_another_merchants_objects_do_not_exist_for_its_owner(theirs: dict[str, str]):
    client = Client(raise_request_exception=False)
    client.force_login(make_member(make_merchant(), Role.OWNER))

    def ask(method: str, path: str) -> Answer:
        answer = client.generic(method, path, "", content_type="application/x-www-form-urlencoded")
        return answer.status_code, b""  # its pages carry tokens that are new each time

    assert told(theirs, ask, api=False) == {}


@pytest.mark.parametrize("whose", ["merchant_key", "marketplace_key"])
def test_another_merchants_objects_do_not_exist_for_a_key(theirs: dict[str, str], whose: str):
    api = make_api()

    def ask(method: str, path: str) -> Answer:
        answer = api.send(method, path.removeprefix("/api/v1/"), {}, key=getattr(api, whose))
        return answer.status_code, answer.content

    assert told(theirs, ask, api=True) == {}


def told(theirs: dict[str, str], ask: Callable[[str, str], Answer], *, api: bool) -> dict[str, tuple[Answer, Answer]]:
    """Where the answer about an object is no refusal, or another one than about an object that nobody has."""
    found = {}
    for address in OWNED:
        if address.startswith("api/") is not api or begins(address) in ELSEWHERE:
            continue
        for method in ("GET", "POST", *(("PATCH", "PUT", "DELETE") if api else ())):
            about_it = ask(method, filled(address, theirs[begins(address)]))
            about_nothing = ask(method, filled(address, NOTHING))
            if about_it != about_nothing or about_it[0] not in REFUSALS:
                found[f"{method} {address}"] = about_it, about_nothing
    return found


def test_a_viewer_changes_none_of_its_merchants_objects():
    merchant = make_merchant()
    mine = {begin: make(merchant) for begin, make in OBJECTS.items()}
    client = Client(raise_request_exception=False)
    client.force_login(make_member(merchant, Role.VIEWER))

    changed = {}
    for address in OWNED:
        if address.startswith("api/") or begins(address) in ELSEWHERE:
            continue
        status = client.post(filled(address, mine[begins(address)])).status_code
        if status not in (403, 404, 405):
            changed[address] = status

    assert changed == {}
