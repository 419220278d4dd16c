"""Product links as CSV: written for spreadsheets, and read with a check of every row before anything is saved."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from django.db import transaction

from connectors.base import RemoteVariant
from connectors.models import CatalogVariant, Connection, LinkImport, LinkSource, ProductLink
from connectors.services import catalog, finding, links
from connectors.services.clients import connector_for
from connectors.services.connections import ASK_DEADLINE_S
from connectors.services.links import Choice

COLUMNS = ("marketplace_sku", "store_sku", "variant_id", "title")
BYTES_MAX = 1_000_000
ROWS_MAX = 5_000
ASKED_AT_MOST = 100  # SKUs and ids that the copy of the catalog lacks are asked for at the shop

_LONGEST = {"marketplace_sku": 120, "store_sku": 255, "variant_id": 200}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # how a cell begins that a spreadsheet would carry out (OWASP)
_BOM16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = (",", ";", "\t")
_AT_ONCE = 500


class FileRefused(Exception):
    """The file as a whole cannot be read; the text says why."""


class Verdict(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    DUPLICATE = "duplicate"
    BAD = "bad"


WORDS = {
    Verdict.NEW: "New",
    Verdict.CHANGED: "Changed",
    Verdict.SAME: "Already so",
    Verdict.UNKNOWN: "Not in the store",
    Verdict.AMBIGUOUS: "Several products",
    Verdict.DUPLICATE: "Twice in the file",
    Verdict.BAD: "Cannot be read",
}
SAVED = frozenset({Verdict.NEW, Verdict.CHANGED})
REFUSED = frozenset({Verdict.UNKNOWN, Verdict.AMBIGUOUS, Verdict.DUPLICATE, Verdict.BAD})


@dataclass(frozen=True, slots=True)
class Row:
    """One line as it was read; `problem` says why it cannot be used at all."""

    line: int
    sku: str
    store_sku: str = ""
    variant_id: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What would become of a row."""

    row: Row
    verdict: Verdict
    message: str
    variant_id: str = ""
    variant_title: str = ""

    @property
    def words(self) -> str:
        return WORDS[self.verdict]

    @property
    def is_refused(self) -> bool:
        return self.verdict in REFUSED


# --- out -------------------------------------------------------------------------------------------


def written(connection: Connection) -> Iterator[str]:
    """All links of a connection as CSV lines, by SKU, UTF-8 with BOM so that Excel reads it. Cells never begin a formula."""
    known = dict(CatalogVariant.objects.filter(connection=connection).values_list("variant_id", "sku"))
    rows = ProductLink.objects.filter(connection=connection).order_by("sku", "pk")
    yield "\ufeff" + _line(COLUMNS)
    for link in rows.iterator(chunk_size=_AT_ONCE):
        yield _line((link.sku, known.get(link.variant_id, ""), link.variant_id, link.variant_title))


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([neutral(cell) for cell in cells])
    return buffer.getvalue()


def neutral(cell: str) -> str:
    """The cell with an apostrophe in front where a spreadsheet would carry it out; `plain` takes it away again."""
    return f"'{cell}" if _is_risky(cell) or (cell.startswith("'") and _is_risky(cell.lstrip("'"))) else cell


def plain(cell: str) -> str:
    """What `neutral` was given."""
    return cell[1:] if cell.startswith("'") and _is_risky(cell.lstrip("'")) else cell


def _is_risky(cell: str) -> bool:
    return cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA)


# --- in --------------------------------------------------------------------------------------------


def read(content: bytes) -> list[Row]:
    """The rows of a file. Raises FileRefused for what is no such file; a bad row is read with its problem."""
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        places = _places(next(reader, []))
        rows = [_row(reader.line_num, cells, places) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise FileRefused(f"Line {reader.line_num} is not CSV: {error}. Save the file as CSV anew.") from None
    if not rows:
        raise FileRefused("The file has no rows below its heading.")
    if len(rows) > ROWS_MAX:
        raise FileRefused(f"The file has {len(rows)} rows; {ROWS_MAX} at the most. Split it.")
    return rows


def from_items(items: Sequence[Mapping[str, str]]) -> list[Row]:
    """The same rows from JSON objects with the columns' names; `line` counts from 1."""
    places = {name: index for index, name in enumerate(COLUMNS)}
    return [_row(n, [item.get(name, "") for name in COLUMNS], places) for n, item in enumerate(items, start=1)]


def _decoded(content: bytes) -> str:
    if len(content) > BYTES_MAX:
        raise FileRefused("The file is larger than 1 MB. Split it.")
    if content.startswith(_BOM16):
        raise FileRefused("The file is UTF-16. Save it as “CSV UTF-8”.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileRefused(f"Line {line} is not UTF-8. Save the file as “CSV UTF-8”.") from None


def _delimiter(text: str) -> str:
    """What stands most often in the heading."""
    heading = text.split("\n", 1)[0]
    return max(_DELIMITERS, key=heading.count)


def _places(heading: Sequence[str]) -> dict[str, int]:
    """Where each column stands. Raises FileRefused when one that is needed is missing, or stands twice."""
    names = [name.strip().lower().replace(" ", "_") for name in heading]
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        raise FileRefused(f"The column {twice[0]} stands there twice.")
    places = {name: names.index(name) for name in COLUMNS if name in names}
    if "marketplace_sku" not in places or not {"store_sku", "variant_id"} & places.keys():
        raise FileRefused("The first line must name the columns marketplace_sku and store_sku (or variant_id).")
    return places


def _row(line: int, cells: Sequence[str], places: Mapping[str, int]) -> Row:
    given = {name: plain(cells[place].strip()) if place < len(cells) else "" for name, place in places.items()}
    sku, store_sku, variant_id = (given.get(name, "") for name in _LONGEST)
    problem = next((text for text in map(_wrong, given.items()) if text), "")
    if not problem and not sku:
        problem = "There is no marketplace_sku."
    if not problem and not (store_sku or variant_id):
        problem = "There is neither a store_sku nor a variant_id."
    return Row(line, _shown(sku, 120), _shown(store_sku, 255), _shown(variant_id, 200), problem)


def _wrong(given: tuple[str, str]) -> str:
    """Why a cell cannot be what its column says; empty when it can."""
    name, value = given
    if name in _LONGEST and len(value) > _LONGEST[name]:
        return f"{name} has {len(value)} characters; {_LONGEST[name]} at the most."
    if name in _LONGEST and not value.isprintable():
        return f"{name} holds characters that cannot be printed."
    return ""


def _shown(value: str, longest: int) -> str:
    """As much as can be kept and shown of a cell, be it good or bad."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in value[:longest])


# --- checking --------------------------------------------------------------------------------------


def keep(connection: Connection, rows: Sequence[Row], *, by: str, at: datetime) -> LinkImport:
    """Keep a file's rows until somebody has looked at what they would do."""
    return LinkImport.objects.create(
        connection=connection, rows=[asdict(row) for row in rows], created_by=by, created_at=at
    )


def rows_of(kept: LinkImport) -> list[Row]:
    return [Row(**row) for row in kept.rows]


def ask_for_missing(connection: Connection, rows: Sequence[Row], *, at: datetime) -> int:
    """Ask the shop for SKUs and ids that the copy of its catalog lacks; ASKED_AT_MOST of them. Returns how many.

    Network: never in a transaction. Raises connectors.errors.ConnectorError.
    """
    asked = [row for row in rows if not row.problem]
    skus = list(dict.fromkeys(row.store_sku for row in asked if row.store_sku and not row.variant_id))
    ids = list(dict.fromkeys(row.variant_id for row in asked if row.variant_id))
    by_sku, by_id = _known(connection, skus, ids)
    skus = [sku for sku in skus if sku not in by_sku][:ASKED_AT_MOST]
    ids = [variant_id for variant_id in ids if variant_id not in by_id][: ASKED_AT_MOST - len(skus)]
    if not (skus or ids):
        return 0
    connector = connector_for(connection, deadline_s=ASK_DEADLINE_S)
    hits = finding.find_variants(connection, connector, skus, at=at, waits_s=finding.PERSON_WAITS_S) if skus else {}
    found: list[RemoteVariant] = [variant for variants in hits.values() for variant in variants]
    found += connector.read_variants(ids).values() if ids else []
    catalog.remember(connection, found, at=at)
    return len(skus) + len(ids)


def check(connection: Connection, rows: Sequence[Row]) -> list[Checked]:
    """What each row would do now, in the order of the file. Three queries for each 500 rows; no network."""
    saved = _saved(connection, [row.sku for row in rows])
    by_sku, by_id = _known(connection, [row.store_sku for row in rows], [row.variant_id for row in rows])
    first: dict[str, int] = {}
    checked = []
    for row in rows:
        earlier = first.get(row.sku)
        if not row.problem:
            first.setdefault(row.sku, row.line)
        checked.append(_checked(row, earlier, by_sku, by_id, saved))
    return checked


def _checked(
    row: Row,
    earlier: int | None,
    by_sku: Mapping[str, list[CatalogVariant]],
    by_id: Mapping[str, CatalogVariant],
    saved: Mapping[str, str],
) -> Checked:
    if row.problem:
        return Checked(row, Verdict.BAD, row.problem)
    if earlier is not None:
        return Checked(row, Verdict.DUPLICATE, f"Line {earlier} links this SKU already.")
    found = _found(row, by_sku, by_id)
    if isinstance(found, Checked):
        return found
    before = saved.get(row.sku)
    verdict = Verdict.NEW if before is None else Verdict.SAME if before == found.variant_id else Verdict.CHANGED
    message = f"{found.title} ({found.sku or found.variant_id})"
    return Checked(row, verdict, message, found.variant_id, found.title)


def _found(
    row: Row, by_sku: Mapping[str, list[CatalogVariant]], by_id: Mapping[str, CatalogVariant]
) -> CatalogVariant | Checked:
    """The one product that a row names, or why there is none."""
    if row.variant_id:
        variant = by_id.get(row.variant_id)
        if variant is None:
            return Checked(row, Verdict.UNKNOWN, f"The store has no product with the id {row.variant_id}.")
        if row.store_sku and variant.sku != row.store_sku:
            text = f"The product with this id has the SKU {variant.sku or '(none)'}, not {row.store_sku}."
            return Checked(row, Verdict.BAD, text)
        return variant
    hits = by_sku.get(row.store_sku, [])
    if len(hits) == 1:
        return hits[0]
    if hits:
        text = f"The store has {len(hits)} products with SKU {row.store_sku}: name the variant_id."
        return Checked(row, Verdict.AMBIGUOUS, text)
    return Checked(row, Verdict.UNKNOWN, f"The store has no product with SKU {row.store_sku}.")


def _saved(connection: Connection, skus: Sequence[str]) -> dict[str, str]:
    rows: dict[str, str] = {}
    for start in range(0, len(skus), _AT_ONCE):
        some = ProductLink.objects.filter(connection=connection, sku__in=skus[start : start + _AT_ONCE])
        rows.update(some.values_list("sku", "variant_id"))
    return rows


def _known(
    connection: Connection, skus: Sequence[str], ids: Sequence[str]
) -> tuple[dict[str, list[CatalogVariant]], dict[str, CatalogVariant]]:
    """From the copy of the catalog: by exact SKU, and by id."""
    by_sku: dict[str, list[CatalogVariant]] = {}
    for row in _in_parts(connection, "sku__in", skus):
        by_sku.setdefault(row.sku, []).append(row)
    return by_sku, {row.variant_id: row for row in _in_parts(connection, "variant_id__in", ids)}


def _in_parts(connection: Connection, lookup: str, values: Sequence[str]) -> Iterator[CatalogVariant]:
    wanted = sorted({value for value in values if value})
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        yield from CatalogVariant.objects.filter(connection=connection, **{lookup: part}).order_by("pk")


# --- applying --------------------------------------------------------------------------------------


class ImportRefused(Exception):
    """Nothing was saved; the text says why."""


@transaction.atomic
def apply(*, import_id: int, seen: str, by: str, at: datetime) -> int:
    """Save the rows that can be saved, all of them or none. Returns how many.

    `seen` is the fingerprint of what the person was shown. Raises ImportRefused when it was applied before, or would
    do something else by now.
    """
    kept = LinkImport.objects.select_for_update(of=("self",)).select_related("connection").get(pk=import_id)
    if kept.applied_at is not None:
        raise ImportRefused("This file was applied already.")
    checked = check(kept.connection, rows_of(kept))
    if fingerprint(checked) != seen:
        raise ImportRefused("Something has changed since you looked. Nothing was saved: look again.")
    count = save(kept.connection, checked, by=by, at=at, source=LinkSource.FILE)
    kept.applied_at = at
    kept.save(update_fields=["applied_at"])
    return count


def save(connection: Connection, checked: Sequence[Checked], *, by: str, at: datetime, source: LinkSource) -> int:
    """Save what is new or changed, in one transaction."""
    choices = [Choice(one.row.sku, one.variant_id, one.variant_title) for one in checked if one.verdict in SAVED]
    if not choices:
        return 0
    return links.link_many(connection_id=connection.pk, choices=choices, by=by, at=at, source=source)


def fingerprint(checked: Sequence[Checked]) -> str:
    """Short, and another one for other consequences."""
    told = repr([(one.row.line, one.verdict.value, one.variant_id) for one in checked])
    return sha256(told.encode()).hexdigest()[:16]
