"""A sheet of paper that text and tables are written on from the top; full, it goes on with the next page.

The same content gives the same bytes: nothing in it says when or where it was made.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

from orders.services import document_fonts as fonts

MARGIN = 42.0
_LETTER_COUNTRIES = ("US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PA", "DO", "SV", "NI", "PR")
_LEAD = 1.35  # line height by size
_GRAY, _BLACK, _RULE = 0.40, 0.07, 0.82


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    share: float  # of the page's width
    is_number: bool = False  # to the right


class Sheet:
    """One PDF of documents that each begin on a page of their own."""

    def __init__(self, title: str, *, paper_of: str) -> None:
        self._out = io.BytesIO()
        self._size = LETTER if paper_of in _LETTER_COUNTRIES else A4
        self._canvas = Canvas(self._out, pagesize=self._size, invariant=1, pageCompression=1)
        self._canvas.setTitle(title)
        self._canvas.setAuthor("")
        self._canvas.setCreator("Storeward")
        self.width = self._size[0] - 2 * MARGIN
        self._footer, self._page, self._y = "", 0, 0.0
        self.country = ""  # of whom the text is for: decides how Han characters look

    def begin(self, footer: str, *, country: str) -> None:
        """A new document. `footer` stands on each of its pages, with the page's number."""
        if self._page:
            self._canvas.showPage()
        self._footer, self._page, self.country = footer, 0, country
        self._open()

    def end(self) -> bytes:
        self._canvas.showPage()
        self._canvas.save()
        return self._out.getvalue()

    def space(self, points: float) -> None:
        self._y -= points

    def text(self, text: str, *, size: float = 9.5, gray: bool = False) -> None:
        for line in self._lines(text, self.width, size):
            self._room(size * _LEAD)
            self._y -= size * _LEAD
            self._draw(MARGIN, self._y, line, size, gray=gray)

    def side_by_side(self, blocks: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Titled blocks of lines beside each other, as addresses stand."""
        width = self.width / max(len(blocks), 1)
        columns = [self._block(title, lines, width - 14) for title, lines in blocks]
        height = max(len(column) for column in columns) * 9.5 * _LEAD
        self._room(height)
        for index, column in enumerate(columns):
            y = self._y
            for line, gray in column:
                y -= 9.5 * _LEAD
                self._draw(MARGIN + index * width, y, line, 9.5, gray=gray)
        self._y -= height

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Cells wrap; the head stands on every page that the table runs over."""
        self._head(columns)
        for row in rows:
            cells = [
                self._lines(text, column.share * self.width - 8, 9) for text, column in zip(row, columns, strict=True)
            ]
            height = max(len(cell) for cell in cells) * 9 * _LEAD + 6
            if self._room(height):
                self._head(columns)
            self._row(columns, cells, height)

    def amounts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and amounts, to the right."""
        for name, amount in rows:
            self._room(10 * _LEAD)
            self._y -= 10 * _LEAD
            right = MARGIN + self.width
            self._draw(right - 220, self._y, name, 10, gray=True)
            self._draw(right - 4 - fonts.width(amount, 10), self._y, amount, 10)

    # --- how it is written ---

    def _open(self) -> None:
        self._page += 1
        self._y = self._size[1] - MARGIN
        number = f"{self._footer} · page {self._page}"
        self._draw(MARGIN, MARGIN - 16, number, 7.5, gray=True)

    def _room(self, height: float) -> bool:
        """Go on with the next page when there is no room. True when that was so."""
        if self._y - height >= MARGIN:
            return False
        self._canvas.showPage()
        self._open()
        return True

    def _block(self, title: str, lines: Sequence[str], width: float) -> list[tuple[str, bool]]:
        wrapped = [part for line in lines if line for part in self._lines(line, width, 9.5)]
        return [(title, True), *((line, False) for line in wrapped)]

    def _head(self, columns: Sequence[Column]) -> None:
        self._row(columns, [[column.title] for column in columns], 9 * _LEAD + 6, gray=True)

    def _row(
        self, columns: Sequence[Column], cells: Sequence[Sequence[str]], height: float, *, gray: bool = False
    ) -> None:
        x = MARGIN
        for column, lines in zip(columns, cells, strict=True):
            width = column.share * self.width
            for index, line in enumerate(lines, start=1):
                shift = width - 4 - fonts.width(line, 9, country=self.country) if column.is_number else 0
                self._draw(x + shift, self._y - index * 9 * _LEAD, line, 9, gray=gray)
            x += width
        self._y -= height
        self._canvas.setStrokeGray(_RULE)
        self._canvas.line(MARGIN, self._y, MARGIN + self.width, self._y)

    def _draw(self, x: float, y: float, text: str, size: float, *, gray: bool = False) -> None:
        self._canvas.setFillGray(_GRAY if gray else _BLACK)
        line = self._canvas.beginText(x, y)
        for font, part in fonts.runs(text, country=self.country):
            line.setFont(font, size)
            line.textOut(part)
        self._canvas.drawText(line)

    def _lines(self, text: str, width: float, size: float) -> list[str]:
        """At spaces, beside wide characters, and inside a word that is too long by itself."""
        lines, line = [], ""
        for word in _words(fonts.clean(text)):
            if line and self._width(line + word.rstrip(), size) > width:
                lines.append(line.rstrip())
                line = ""
            line += word
            while self._width(line.rstrip(), size) > width and len(line) > 1:
                fits = self._fitting(line, width, size)
                lines.append(line[:fits])
                line = line[fits:]
        return [*lines, line.rstrip()]

    def _fitting(self, line: str, width: float, size: float) -> int:
        """How many characters of a line fit; one at the least."""
        return next((n for n in range(len(line) - 1, 1, -1) if self._width(line[:n], size) <= width), 1)

    def _width(self, text: str, size: float) -> float:
        return fonts.width(text, size, country=self.country)


def _words(line: str) -> Iterable[str]:
    """Pieces that stay together, each with the space that follows it."""
    word = ""
    for character in line:
        word += character
        if character == " " or fonts.is_wide(character):
            yield word
            word = ""
    if word:
        yield word
