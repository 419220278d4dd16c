"""Links as CSV: every row is checked before anything is saved, and nothing that a spreadsheet would carry out leaves."""

from __future__ import annotations

import csv
import io

import pytest

from accounts.models import AuditEvent
from connectors.models import CatalogVariant, ClearedCondition, Connection, LinkImport, LinkSource, ProductLink
from connectors.services import link_files
from connectors.services.link_files import FileRefused, ImportRefused, Row, Verdict
from tests.connectors.views.pages import linked
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_blocked, make_connection, make_variant

pytestmark = pytest.mark.django_db
HEADING = "marketplace_sku,store_sku,variant_id,title\r\n"


@pytest.fixture
def shop() -> Connection:
    return make_connection(name="Kauri Shopify")


def given(*lines: str, heading: str = "marketplace_sku,store_sku") -> bytes:
    return "\n".join([heading, *lines]).encode()


# --- reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"marketplace_sku,store_sku\nOURS,STOOL\n",
        b"\xef\xbb\xbfmarketplace_sku,store_sku\r\nOURS,STOOL\r\n",
        b"marketplace_sku;store_sku;title\nOURS;STOOL;a, b\n",
        b"Store SKU\tMarketplace SKU\n STOOL \t OURS \n\t\n",
        b'"marketplace_sku","store_sku"\n"OURS","STOOL"',
    ],
)
def test_spreadsheets_of_every_kind_are_read(content: bytes):
    (row,) = link_files.read(content)

    assert (row.sku, row.store_sku, row.problem, row.line) == ("OURS", "STOOL", "", 2)


def test_names_of_all_scripts_are_read():
    (row,) = link_files.read("marketplace_sku,store_sku\nスツール,Hocker-Grün\n".encode())

    assert (row.sku, row.store_sku) == ("スツール", "Hocker-Grün")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The first line must name"),
        (b"\x00\x00", "The first line must name"),
        (b"sku,product\nA,B", "The first line must name"),
        (b"marketplace_sku,title\nA,B", "The first line must name"),
        (b"marketplace_sku,store_sku,store_sku\nA,B,C", "column store_sku stands there twice"),
        (b"marketplace_sku,store_sku\n", "no rows"),
        (b"marketplace_sku,store_sku\n,\n , \n", "no rows"),
        ("marketplace_sku,store_sku\nA,Grün".encode("latin-1"), "Line 2 is not UTF-8"),
        ("marketplace_sku,store_sku\nA,B".encode("utf-16"), "UTF-16"),
        (b'marketplace_sku,store_sku\nA,"B\nC,D\n', "is not CSV"),
        (b'marketplace_sku,store_sku\nA,"B"C\n', "Line 2 is not CSV"),
        (b"marketplace_sku,store_sku\nA," + b"x" * 140_000, "Line 2 is not CSV"),
        (b"x" * (link_files.BYTES_MAX + 1), "larger than 1 MB"),
        (given(*["A,B"] * (link_files.ROWS_MAX + 1)), "5001 rows; 5000 at the most"),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(content: bytes, why: str):
    with pytest.raises(FileRefused, match=why):
        link_files.read(content)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",STOOL", "There is no marketplace_sku."),
        ("OURS,", "There is neither a store_sku nor a variant_id."),
        ("OURS", "There is neither a store_sku nor a variant_id."),
        ("A" * 121 + ",STOOL", "marketplace_sku has 121 characters; 120 at the most."),
        ("OURS," + "S" * 256, "store_sku has 256 characters; 255 at the most."),
        ("A\x00B,STOOL", "marketplace_sku holds characters that cannot be printed."),
        ("OURS,ST\u202eOOL", "store_sku holds characters that cannot be printed."),
        ('"A\nB",STOOL', "marketplace_sku holds characters that cannot be printed."),
    ],
)
def test_a_row_that_cannot_be_says_why_and_holds_nothing_unprintable(line: str, problem: str):
    (row,) = link_files.read(given(line))

    assert row.problem == problem
    assert (row.sku + row.store_sku).isprintable()


# --- formulas ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "'=1", "''=1", "-STOOL-", '=HYPERLINK("http://x")']
)
def test_no_cell_begins_a_formula_and_each_comes_back_as_it_was(cell: str):
    out = link_files.neutral(cell)

    assert out.startswith("'")
    assert link_files.plain(out) == cell


@pytest.mark.parametrize("cell", ["", "STOOL", "'", "'A", "''A", "1-2", "O'Neill"])
def test_a_harmless_cell_stays_as_it_is(cell: str):
    assert link_files.plain(link_files.neutral(cell)) == link_files.neutral(cell) == cell


def test_an_export_comes_back_as_the_same_links(shop: Connection):
    variant = make_variant(shop, "=STOOL", title='@Oak, "round"')
    linked(shop, sku="-OURS-", variant_id=variant.variant_id, variant_title=variant.title)
    linked(make_connection(), sku="FOREIGN")

    text = "".join(link_files.written(shop))

    assert text.startswith("\ufeff" + HEADING)
    cells = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]
    assert cells == [["'-OURS-", "'=STOOL", variant.variant_id, '\'@Oak, "round"']]
    (checked,) = link_files.check(shop, link_files.read(text.encode()))
    assert (checked.row.sku, checked.verdict) == ("-OURS-", Verdict.SAME)


# --- checking ----------------------------------------------------------------------------------------


def verdicts(shop: Connection, *rows: Row) -> list[str]:
    return [one.verdict.value for one in link_files.check(shop, rows)]


def test_every_row_gets_its_verdict(shop: Connection):
    stool, lamp = make_variant(shop, "STOOL"), make_variant(shop, "LAMP")
    for _ in range(2):
        make_variant(shop, "TWIN")
    linked(shop, sku="B", variant_id=stool.variant_id)
    linked(shop, sku="C", variant_id=lamp.variant_id)

    assert verdicts(
        shop,
        Row(2, "A", "STOOL"),
        Row(3, "B", "LAMP"),
        Row(4, "C", "LAMP"),
        Row(5, "D", "NONE"),
        Row(6, "E", "TWIN"),
        Row(7, "A", "LAMP"),
        Row(8, "F", problem="Bad."),
        Row(9, "G", variant_id="gone"),
        Row(10, "H", "LAMP", stool.variant_id),
        Row(11, "I", "STOOL", stool.variant_id),
    ) == ["new", "changed", "same", "unknown", "ambiguous", "duplicate", "bad", "unknown", "bad", "new"]


def test_another_connections_products_are_unknown(shop: Connection):
    foreign = make_variant(make_connection(shop.merchant), "STOOL")

    assert verdicts(shop, Row(2, "A", "STOOL"), Row(3, "B", variant_id=foreign.variant_id)) == ["unknown", "unknown"]


def test_checking_asks_the_same_number_of_questions_for_one_and_three(shop: Connection, django_assert_num_queries):
    make_variant(shop, "STOOL")
    for count in (1, 3):
        with django_assert_num_queries(2):
            link_files.check(shop, [Row(n, f"A{n}", "STOOL") for n in range(count)])


def test_what_the_copy_lacks_is_asked_at_the_store(shop: Connection, store: ShopOnTheWire):
    store.variants = [("STOOL", "Oak stool"), ("LAMP", "Lamp")]
    rows = [Row(2, "A", "STOOL"), Row(3, "B", variant_id="gid://shopify/ProductVariant/2"), Row(4, "C", "NONE")]

    assert link_files.ask_for_missing(shop, rows, at=NOON) == 3

    assert verdicts(shop, *rows) == ["new", "new", "unknown"]
    assert store.operations == ["VariantsBySku", "VariantsByIds"]


def test_nothing_is_asked_when_all_is_known(shop: Connection, store: ShopOnTheWire):
    make_variant(shop, "STOOL")

    link_files.ask_for_missing(shop, [Row(2, "A", "STOOL"), Row(3, "", problem="Bad.")], at=NOON)

    assert store.operations == []


def test_a_huge_file_asks_for_a_bounded_number(shop: Connection, store: ShopOnTheWire):
    rows = [Row(n, f"A{n}", f"S{n}") for n in range(500)]

    assert link_files.ask_for_missing(shop, rows, at=NOON) == link_files.ASKED_AT_MOST


# --- applying ----------------------------------------------------------------------------------------


def keep(shop: Connection, *rows: Row) -> LinkImport:
    return link_files.keep(shop, rows, by="ana", at=NOON)


def apply(kept: LinkImport, seen: str | None = None) -> int:
    shown = link_files.fingerprint(link_files.check(kept.connection, link_files.rows_of(kept)))
    return link_files.apply(import_id=kept.pk, seen=shown if seen is None else seen, by="ana", at=NOON)


def test_a_file_saves_what_is_new_or_changed_and_releases_what_waits(shop: Connection):
    stool = make_variant(shop, "STOOL")
    linked(shop, sku="B", variant_id="other")
    make_blocked(shop, "A")

    assert apply(keep(shop, Row(2, "A", "STOOL"), Row(3, "B", "STOOL"), Row(4, "C", "NONE"))) == 2

    links = ProductLink.objects.order_by("sku").values_list("sku", "variant_id", "source")
    assert list(links) == [("A", stool.variant_id, LinkSource.FILE), ("B", stool.variant_id, LinkSource.FILE)]
    assert [row.key for row in ClearedCondition.objects.filter(key__startswith="sku:")] == [f"sku:{shop.pk}:A"]
    assert AuditEvent.objects.get().data == {"source": "file", "links": 2}


def test_a_file_is_applied_once(shop: Connection):
    make_variant(shop, "STOOL")
    kept = keep(shop, Row(2, "A", "STOOL"))
    apply(kept)

    with pytest.raises(ImportRefused, match="applied already"):
        apply(kept)


def test_what_would_do_something_else_by_now_is_refused(shop: Connection):
    make_variant(shop, "STOOL")
    kept = keep(shop, Row(2, "A", "STOOL"))
    seen = link_files.fingerprint(link_files.check(shop, link_files.rows_of(kept)))
    CatalogVariant.objects.update(variant_id="another")

    with pytest.raises(ImportRefused, match="look again"):
        apply(kept, seen)

    assert not ProductLink.objects.exists()


def test_a_failure_in_the_middle_saves_nothing(shop: Connection, monkeypatch):
    make_variant(shop, "STOOL")
    kept = keep(shop, *[Row(n, f"A{n}", "STOOL") for n in range(2, 5)])

    def broken(*_args, **_kwargs):
        raise RuntimeError("the power went")

    monkeypatch.setattr(LinkImport, "save", broken)
    with pytest.raises(RuntimeError):
        apply(kept)

    assert (ProductLink.objects.count(), AuditEvent.objects.count()) == (0, 0)


def test_a_full_file_takes_few_statements(shop: Connection, django_assert_max_num_queries):
    make_variant(shop, "STOOL")
    kept = keep(shop, *[Row(n, f"A{n}", "STOOL") for n in range(link_files.ROWS_MAX)])
    seen = link_files.fingerprint(link_files.check(shop, link_files.rows_of(kept)))

    with django_assert_max_num_queries(60):
        assert link_files.apply(import_id=kept.pk, seen=seen, by="ana", at=NOON) == link_files.ROWS_MAX
