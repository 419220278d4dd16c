"""The word lists of orders: the states of each axis, and every other choice. Their ways out stand in orders/states.py."""

from __future__ import annotations

from django.db.models import TextChoices


class OrderStatus(TextChoices):
    DRAFT = "draft", "Draft"
    PENDING = "pending", "Awaiting confirmation"
    CONFIRMED = "confirmed", "Confirmed"
    COMPLETED = "completed", "Completed"
    DECLINED = "declined", "Declined"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


class PaymentStatus(TextChoices):
    NONE = "none", "No payment"
    AUTHORIZED = "authorized", "Authorized"
    CAPTURED = "captured", "Captured"
    PARTIALLY_REFUNDED = "partially_refunded", "Partly refunded"
    REFUNDED = "refunded", "Refunded"
    VOIDED = "voided", "Voided"
    FAILED = "failed", "Failed"


class RefundStatus(TextChoices):
    REQUESTED = "requested", "On its way"  # promised to the outbox
    DONE = "done", "Refunded"
    FAILED = "failed", "Failed"  # to be tried again or withdrawn by a person
    WITHDRAWN = "withdrawn", "Withdrawn"


class RefundReason(TextChoices):
    NOT_WANTED = "not_wanted", "No longer wanted"
    DAMAGED = "damaged", "Arrived damaged"
    FAULTY = "faulty", "Faulty or not as described"
    WRONG_ITEM = "wrong_item", "Wrong item"
    MISSING = "missing", "Never arrived"
    LATE = "late", "Arrived too late"
    OUT_OF_STOCK = "out_of_stock", "Out of stock"
    GOODWILL = "goodwill", "Goodwill"
    CANCELLED = "cancelled", "Order cancelled"
    OTHER = "other", "Other"


# What a customer may give as the reason, and what a merchant may; a cancellation gives its own.
CUSTOMER_REASONS: tuple[RefundReason, ...] = (
    RefundReason.DAMAGED,
    RefundReason.FAULTY,
    RefundReason.WRONG_ITEM,
    RefundReason.MISSING,
    RefundReason.LATE,
    RefundReason.NOT_WANTED,
    RefundReason.OTHER,
)
MERCHANT_REASONS: tuple[RefundReason, ...] = tuple(
    reason for reason in RefundReason if reason is not RefundReason.CANCELLED
)


class RefundRequestStatus(TextChoices):
    OPEN = "open", "Waits for an answer"
    ISSUED = "issued", "Issued"
    DECLINED = "declined", "Declined"


class PushStatus(TextChoices):
    WAITING = "waiting", "Waiting"  # for a condition: confirmation, a product link, a token ...
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    PUSHED = "pushed", "In the store"
    UNKNOWN = "unknown", "Checking"  # sent, no answer
    HELD = "held", "Needs attention"  # a person is needed
    SKIPPED = "skipped", "Not sent"  # the settings say so
    CANCELLED = "cancelled", "Cancelled"


class ReexportStatus(TextChoices):
    LOOKING = "looking", "Looking at the earlier copy"
    READY = "ready", "Waits for your choice"
    RUNNING = "running", "Working on it"
    DONE = "done", "Done"
    REFUSED = "refused", "Not possible"
    WITHDRAWN = "withdrawn", "Withdrawn"


class ReexportWay(TextChoices):
    """What can be done about an earlier copy at the destination."""

    UPDATE = "update", "Update it in place"
    RECREATE = "recreate", "Cancel it and create a new one"
    CLONE = "clone", "Create a new one"


class ExportStatus(TextChoices):
    """One word for all destinations of an order; the first that applies, from the top."""

    FAILED = "failed", "Failed"  # held, or sent without an answer
    MODIFIED = "modified", "Modified since export"
    SUCCESS = "success", "Exported"
    NOT_ATTEMPTED = "not_attempted", "Not attempted"


class FulfillmentStatus(TextChoices):
    UNFULFILLED = "unfulfilled", "Unfulfilled"
    PARTIAL = "partial", "Partly fulfilled"
    READY = "ready", "Ready for pickup"  # all that the customer does not have yet
    FULFILLED = "fulfilled", "Fulfilled"


class Delivery(TextChoices):
    SHIP = "ship", "Delivery"
    PICKUP = "pickup", "Click and collect"


class AddressKind(TextChoices):
    SHIPPING = "shipping", "Shipping address"
    BILLING = "billing", "Billing address"


class ShipmentStatus(TextChoices):
    READY = "ready", "Ready for pickup"  # set aside for the customer; picked up it is a success
    SUCCESS = "success", "Fulfilled"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class SupplierPartStatus(TextChoices):
    """The values of connectors.base.PartStatus."""

    OPEN = "open", "In progress"
    SHIPPED = "shipped", "Sent"
    CANCELLED = "cancelled", "Cancelled"


class OutboxStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    HELD = "held", "Held"


class WriteBackState(TextChoices):
    """Whether a fulfillment stands at the store where the customer bought."""

    WAITING = "waiting", "On its way"
    DONE = "done", "Told"
    HELD = "held", "Needs attention"


class SyncState(TextChoices):
    """How the latest reading of a store's own orders went."""

    IDLE = "idle", "Not read yet"
    RUNNING = "running", "Reading"
    DONE = "done", "Complete"
    FAILED = "failed", "Failed"


class SkipReason(TextChoices):
    """Why an order of a store channel stays there."""

    OURS = "ours", "Storeward put it there"
    MADE_BY_APP = "made_by_app", "An app put it there, no customer"
    TOO_OLD = "too_old", "Placed before the chosen date"
    CANCELLED = "cancelled", "Cancelled"
    REFUNDED = "refunded", "Given back or never to be paid"
    FULFILLED = "fulfilled", "Fulfilled in the store"
    EMPTY = "empty", "Nothing is left of it"
    NOT_READABLE = "not_readable", "Its amounts make no sense"
    INTERNAL_ERROR = "internal_error", "Something went wrong on our side"


class RoutedBy(TextChoices):
    """Why a line goes where it goes; the first that applies, from the top."""

    HAND = "hand", "Moved by hand"
    ONLY = "only", "The only destination"
    RULE = "rule", "Routing rule"
    LINK = "link", "Product link"
    DEFAULT = "default", "Default destination"


class RuleKind(TextChoices):
    """What a routing rule looks at."""

    SKU_PREFIX = "sku_prefix", "SKU begins with"
    TAG = "tag", "Order has the tag"
    ATTRIBUTE = "attribute", "Order detail is"
    COUNTRY = "country", "Ships to the country"


class Topic(TextChoices):
    """What an outbox message promises. The handler of each stands in orders/outbox/handlers.py."""

    CHECK_ORDER = "check_order", "Check with the destinations"
    CAPTURE_PAYMENT = "capture_payment", "Capture the payment"
    VOID_PAYMENT = "void_payment", "Release the payment"
    REFUND_PAYMENT = "refund_payment", "Give the payment back"
    PUSH_ORDER = "push_order", "Push to the destination"
    ADD_NOTES = "add_notes", "Add the notes at the destination"
    CANCEL_REMOTE = "cancel_remote", "Cancel at the destination"
    CANCEL_COPY = "cancel_copy", "Cancel a copy at the destination"
    WRITE_BACK = "write_back", "Tell the store where it was bought what was sent"
    TELL_READY = "tell_ready", "Tell the store where it was bought that it can be picked up"
    PUT_BACK = "put_back", "Put units back into stock at the destination"
    PULL_REMOTE = "pull_remote", "Read back from the destination"
    READ_STORE_ORDER = "read_store_order", "Read an order where it was placed"
    PLAN_REEXPORT = "plan_reexport", "Look at the copy before a re-export"
    REEXPORT = "reexport", "Re-export"
    TELL_CUSTOMER = "tell_customer", "Tell the customer"
    TELL_MERCHANT = "tell_merchant", "Tell the merchant"
    MAKE_DOCUMENTS = "make_documents", "Make the documents"
    SCHEDULE_PICKUP = "schedule_pickup", "Ask the carrier to come"
    CANCEL_PICKUP = "cancel_pickup", "Call the carrier off"
    RATE_LABEL = "rate_label", "Ask the carrier for rates"
    BUY_LABEL = "buy_label", "Buy the label"
    VOID_LABEL = "void_label", "Void the label"


class DocumentKind(TextChoices):
    PACKING_SLIP = "packing_slip", "Packing slip"
    COMMERCIAL_INVOICE = "commercial_invoice", "Commercial invoice"


class JobStatus(TextChoices):
    WAITING = "waiting", "Being made"
    DONE = "done", "Ready"
    REFUSED = "refused", "Refused"


class PickupStatus(TextChoices):
    REQUESTED = "requested", "Being arranged"  # promised to the outbox
    SCHEDULED = "scheduled", "Scheduled"
    FAILED = "failed", "Not arranged"  # the carrier said no, or a person must look
    CANCELLING = "cancelling", "Being called off"
    CANCELLED = "cancelled", "Called off"


class Headline(TextChoices):
    """What the list and the page say of an order in one word."""

    DRAFT = "draft", "Draft"
    NEEDS_CONFIRMATION = "needs_confirmation", "Needs confirmation"
    BLOCKED = "blocked", "Blocked"
    PAYMENT_FAILED = "payment_failed", "Payment failed"
    PUSH_FAILED = "push_failed", "Not in the store"
    WAITING = "waiting", "Waiting"
    SYNCING = "syncing", "Syncing"
    AWAITING_FULFILLMENT = "awaiting_fulfillment", "Awaiting fulfillment"
    PARTLY_FULFILLED = "partly_fulfilled", "Partly fulfilled"
    COMPLETED = "completed", "Completed"
    DECLINED = "declined", "Declined"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
