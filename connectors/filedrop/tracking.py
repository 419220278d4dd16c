"""Tracking as the supplier sends it back: CSV, one row for each product in a parcel."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from connectors.filedrop.mapping import bare
from connectors.times import RANGE, is_usable_day

MAX_BYTES, MAX_ROWS = 1_000_000, 5000
REQUIRED = ("po_number", "sku", "quantity")
OPTIONAL = ("carrier", "tracking_number", "tracking_url", "shipped_on")

_LENGTHS = {"po_number": 60, "sku": 120, "carrier": 100, "tracking_number": 120, "tracking_url": 500}
_QUANTITY_MAX = 1_000_000


class TrackingFileError(Exception):
    """The file, or a row of it, cannot be taken; `text` says why, the whole also where.

    `line` is where it stands in the file, whose header is 1; 0: it is about the whole file. `others` are the further
    rows that cannot be, where all of them were looked at.
    """

    def __init__(self, text: str, *, line: int = 0, others: Sequence[TrackingFileError] = ()) -> None:
        super().__init__(f"Row {line}: {text}" if line else text)
        self.text, self.line, self.others = text, line, tuple(others)


@dataclass(frozen=True, slots=True)
class TrackingRow:
    line: int  # in the file, the header is 1
    po_number: str
    sku: str
    quantity: int
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    shipped_on: date | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as far as it can be read."""

    rows: tuple[TrackingRow, ...]
    faults: tuple[TrackingFileError, ...]  # one for each row that cannot


def read_each(body: bytes) -> Sheet:
    """The rows that can be read, whatever the others are. Raises TrackingFileError for a file of which none can."""
    if len(body) > MAX_BYTES:
        raise TrackingFileError(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TrackingFileError("The file is not text in UTF-8. Save it as “CSV UTF-8”.") from None
    return _sheet(_cells(csv.DictReader(io.StringIO(text, newline=""), strict=True)))


def from_items(items: Sequence[Mapping[str, str]]) -> Sheet:
    """The same from rows with the columns' names; the first stands in line 2, as below a header."""
    names = (*REQUIRED, *OPTIONAL)
    return _sheet(
        (line, {name: item.get(name, "").strip() for name in names}) for line, item in enumerate(items, start=2)
    )


def _sheet(given: Iterable[tuple[int, Mapping[str, str]]]) -> Sheet:
    rows: list[TrackingRow] = []
    faults: list[TrackingFileError] = []
    try:
        for line, cells in given:
            try:
                rows.append(_row(line, cells))
            except TrackingFileError as fault:
                faults.append(fault)
    except csv.Error as error:
        faults.append(TrackingFileError(f"The file is not CSV: {error}."))
    return Sheet(tuple(rows), tuple(faults))


def _cells(reader: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The line and the cells of each row that says something."""
    names = [str(name).strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise TrackingFileError(f"The first row must name the columns; missing: {', '.join(missing)}.")
    reader.fieldnames = names
    for count, row in enumerate(reader, start=1):
        if count > MAX_ROWS:
            raise TrackingFileError(f"The file has more than {MAX_ROWS} rows.")
        given = {name: bare((row.get(name) or "").strip()) for name in (*REQUIRED, *OPTIONAL)}
        if any(given.values()):
            yield reader.line_num, given


def _row(line: int, given: Mapping[str, str]) -> TrackingRow:
    if any("\0" in cell for cell in given.values()):
        raise TrackingFileError("it holds a character that no text has.", line=line)
    for name, longest in _LENGTHS.items():
        if len(given[name]) > longest:
            raise TrackingFileError(f"the {name} has more than {longest} characters.", line=line)
    if not given["po_number"] or not given["sku"]:
        raise TrackingFileError("a PO number and a SKU are needed.", line=line)
    return TrackingRow(
        line=line,
        po_number=given["po_number"],
        sku=given["sku"],
        quantity=_quantity(line, given["quantity"]),
        carrier=given["carrier"],
        tracking_number=given["tracking_number"],
        tracking_url=given["tracking_url"],
        shipped_on=_date(line, given["shipped_on"]),
    )


def _quantity(line: int, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= _QUANTITY_MAX:
        return int(text)
    raise TrackingFileError("the quantity must be a whole number from 1 on.", line=line)


def _date(line: int, text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise TrackingFileError("a date looks like 2026-11-23.", line=line) from None
    if day is not None and not is_usable_day(day):
        raise TrackingFileError(f"a date is {RANGE}.", line=line)
    return day
