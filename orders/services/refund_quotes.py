"""What can be given back of an order, what a refund comes to, and which refund comes to an amount. Reads only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from hashlib import sha256

from connectors.money import Money, fits, from_minor, to_minor, total
from orders.enums import PaymentStatus, RefundReason
from orders.errors import FieldProblem, InvalidRefund, TransitionNotAllowed
from orders.models import Order, OrderLine, Payment, Refund, RefundLine
from orders.models.fields import ZERO
from orders.models.payment import STORE
from orders.services.refund_shares import part, shares_of

TAKEN = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED)


@dataclass(frozen=True, slots=True)
class WantedLine:
    id: str  # the channel's own
    quantity: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A refund as a person or an integration asks for it. Amounts in major units of the order's currency."""

    lines: tuple[WantedLine, ...] = ()
    shipping: Decimal = ZERO  # its tax inside
    amount: Decimal | None = None  # None: what lines and shipping come to; without either it must be given
    reason: RefundReason = RefundReason.OTHER
    note: str = ""
    restock: bool = False

    def digest(self) -> str:
        return sha256(json.dumps(asdict(self), default=str, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LeftLine:
    """One line with the units that can still be given back."""

    line: OrderLine
    quantity: int
    amount: Decimal  # for all of them


@dataclass(frozen=True, slots=True)
class Left:
    """What can still be given back of an order, in major units."""

    currency: str
    lines: tuple[LeftLine, ...]
    shipping: Decimal
    amount: Decimal  # the money itself: never more than this, whatever the lines come to

    def line(self, external_id: str) -> LeftLine | None:
        return next((left for left in self.lines if left.line.external_id == external_id), None)


@dataclass(frozen=True, slots=True)
class QuotedLine:
    line: OrderLine
    quantity: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    lines: tuple[QuotedLine, ...]
    shipping: Decimal
    computed: Decimal  # lines and shipping
    amount: Decimal  # what the customer gets


def left_of(order: Order) -> Left:
    """What can still be given back; nothing while no payment is taken."""
    payment = Payment.objects.filter(order=order, status__in=TAKEN).exclude(gateway=STORE).first()
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    return _Books.read(order, lines).left(payment.captured if payment else ZERO)


def quote(order: Order, wanted: Wanted) -> Quote:
    """What a refund comes to. Raises InvalidRefund with every problem, TransitionNotAllowed without a taken payment."""
    payment = Payment.objects.filter(order=order).first()
    if payment is None or payment.status not in TAKEN or payment.taken_in_store:
        raise TransitionNotAllowed(_why_not(order, payment))
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    books = _Books.read(order, lines)
    return _Quoting(books, books.left(payment.captured), wanted).quote()


def _why_not(order: Order, payment: Payment | None) -> str:
    if payment is None or payment.status == PaymentStatus.NONE:
        return f"No payment came with order {order.number}: there is nothing to give back here."
    if payment.taken_in_store:
        return f"The customer paid in {order.channel.name}: give the money back there."
    if payment.status == PaymentStatus.REFUNDED:
        return f"The payment of order {order.number} has been given back in full."
    if payment.status == PaymentStatus.VOIDED:
        return f"The payment of order {order.number} was released, not taken: there is nothing to give back."
    return f"The payment of order {order.number} has not been taken yet. Cancel the order to release it."


@dataclass(frozen=True, slots=True)
class _Books:
    """An order's shares, and what standing refunds took of them. All in minor units, by the line's pk."""

    currency: str
    lines: Sequence[OrderLine]
    shares: Mapping[int, int]
    shipping: int
    given_units: Mapping[int, int]
    given: Mapping[int, int]
    given_shipping: int
    given_amount: Decimal  # major units

    @classmethod
    def read(cls, order: Order, lines: Sequence[OrderLine]) -> _Books:
        shares, currency = shares_of(order, lines), order.currency
        standing = list(Refund.objects.filter(order=order).standing())
        units: Counter[int] = Counter()
        money: Counter[int] = Counter()
        for row in RefundLine.objects.filter(refund__in=standing):
            units[row.line_id] += row.quantity
            money[row.line_id] += to_minor(row.amount, currency)
        given_shipping = to_minor(total(refund.shipping for refund in standing), currency)
        given_amount = total(refund.amount for refund in standing)
        return cls(currency, lines, shares.lines, shares.shipping, units, money, given_shipping, given_amount)

    def left(self, captured: Decimal) -> Left:
        return Left(
            currency=self.currency,
            lines=tuple(self._left(line) for line in self.lines),
            shipping=from_minor(self.shipping - self.given_shipping, self.currency),
            amount=max(captured - self.given_amount, ZERO),
        )

    def _left(self, line: OrderLine) -> LeftLine:
        units = line.quantity - self.given_units.get(line.pk, 0)
        return LeftLine(line, units, self.amount(line, units))

    def amount(self, line: OrderLine, units: int) -> Decimal:
        """What so many more units of a line come to. Counted from what was given, so that all of them give all of it."""
        after = part(self.shares[line.pk], self.given_units.get(line.pk, 0) + units, line.quantity)
        return from_minor(max(after - self.given.get(line.pk, 0), 0), self.currency)


@dataclass(frozen=True, slots=True)
class _Quoting:
    books: _Books
    left: Left
    wanted: Wanted

    def quote(self) -> Quote:
        problems = [*self._line_problems(), *self._shipping_problems()]
        if problems:
            raise InvalidRefund(problems)
        lines = tuple(self._line(item) for item in self.wanted.lines)
        computed = total(line.amount for line in lines) + self.wanted.shipping
        amount = min(computed, self.left.amount) if self.wanted.amount is None else self.wanted.amount
        if problems := list(self._amount_problems(amount, computed)):
            raise InvalidRefund(problems)
        return Quote(lines, self.wanted.shipping, computed, amount)

    def _line(self, item: WantedLine) -> QuotedLine:
        left = self.left.line(item.id)
        assert left is not None  # noqa: S101  # _line_problems
        return QuotedLine(left.line, item.quantity, self.books.amount(left.line, item.quantity))

    def _line_problems(self) -> Iterator[FieldProblem]:
        seen: set[str] = set()
        for index, item in enumerate(self.wanted.lines):
            left = self.left.line(item.id)
            if left is None:
                yield FieldProblem(f"lines[{index}].id", "unknown_line", "The order has no such line.")
            elif item.id in seen:
                yield FieldProblem(f"lines[{index}].id", "duplicate_id", "This line is named twice.")
            elif item.quantity < 1:
                yield FieldProblem(f"lines[{index}].quantity", "out_of_range", "This must be 1 or more.")
            elif item.quantity > left.quantity:
                yield FieldProblem(f"lines[{index}].quantity", "too_many", _units_left(left.quantity))
            seen.add(item.id)

    def _shipping_problems(self) -> Iterator[FieldProblem]:
        shipping, most = self.wanted.shipping, self.left.shipping
        if shipping < 0:
            yield FieldProblem("shipping", "out_of_range", "This must be zero or more.")
        elif not fits(shipping, self.left.currency):
            yield FieldProblem("shipping", "too_precise", f"{self.left.currency} has fewer decimals.")
        elif shipping > most:
            text = f"{Money(most, self.left.currency)} of the shipping can still be given back."
            yield FieldProblem("shipping", "too_much", text)

    def _amount_problems(self, amount: Decimal, computed: Decimal) -> Iterator[FieldProblem]:
        currency = self.left.currency
        if not fits(amount, currency):
            yield FieldProblem("amount", "too_precise", f"{currency} has fewer decimals.")
        elif self.left.amount == 0:
            yield FieldProblem(
                "amount", "too_much", "Nothing is left to give back: refunds are promised for all of it."
            )
        elif amount <= 0 and self.wanted.amount is None:
            yield FieldProblem("amount", "required", "Choose units, shipping or an amount: this comes to nothing.")
        elif amount <= 0:
            yield FieldProblem("amount", "out_of_range", "This must be more than zero.")
        elif amount > self.left.amount:
            text = f"{Money(self.left.amount, currency)} can still be given back."
            yield FieldProblem("amount", "too_much", text)
        elif computed and amount > computed:
            text = f"The lines and the shipping come to {Money(computed, currency)}: a refund of them may be lower, not higher."
            yield FieldProblem("amount", "more_than_computed", text)


def _units_left(units: int) -> str:
    return f"{units} can still be given back." if units else "All units of this line have been given back."


def matching(order: Order, amount: Decimal) -> Wanted:
    """The refund that gives this amount: all that is left, the shipping, units of one line, or else the bare amount."""
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    books, left = _Books.read(order, lines), left_of(order)
    everything = tuple(WantedLine(item.line.external_id, item.quantity) for item in left.lines if item.quantity)
    if amount == total(item.amount for item in left.lines) + left.shipping:
        return Wanted(everything, left.shipping)
    if amount == left.shipping:
        return Wanted(shipping=amount)
    for item in left.lines:
        units = _units_for(amount, item)
        if units and books.amount(item.line, units) == amount:
            return Wanted((WantedLine(item.line.external_id, units),))
    return Wanted(amount=min(amount, left.amount))


def _units_for(amount: Decimal, item: LeftLine) -> int:
    """About how many units of a line make this amount; 0 when that cannot be."""
    if not item.quantity or not item.amount:
        return 0
    units = round(amount * item.quantity / item.amount)
    return units if units <= item.quantity else 0
