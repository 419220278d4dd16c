from decimal import Decimal

from django.db import migrations, models
from django.db.models import Case, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest, Least

AMOUNT = models.DecimalField(max_digits=16, decimal_places=4)
ZERO = Value(Decimal(0), output_field=AMOUNT)
COMPARING = ("shopify", "woocommerce", "squarespace")


def look(apps, schema_editor):
    """Orders that needed a look before the column was there."""
    row = OuterRef("pk")
    whens = [
        When(Exists(apps.get_model("orders", name).objects.filter(condition)), then=Value(True))
        for name, condition in (
            ("StoreOrigin", Q(order=row) & ~Q(attention="")),
            ("WriteBack", Q(fulfillment__order=row, state="held")),
            ("Refund", Q(order=row, status="failed")),
            ("RefundRequest", Q(order=row, status="open")),
        )
    ]
    whens.append(When(owes(apps), then=Value(True)))
    needy = Case(*whens, default=Value(False), output_field=models.BooleanField())
    apps.get_model("orders", "Order").objects.filter(needy).update(needs_look=True)


def owes(apps):
    """Stores took more off the order than is given back here."""
    cancelled = Q(status="held", remote_cancelled=True)
    edited = Q(remote_total__lt=Coalesce("due_total", "total"), status="pushed", connection__platform__in=COMPARING)
    partners = Case(When(connection__source=None, then=ZERO), default=F("shipping"), output_field=AMOUNT)
    part = ExpressionWrapper(F("total") - partners, output_field=AMOUNT)
    less = ExpressionWrapper(Coalesce("due_total", "total") - F("remote_total"), output_field=AMOUNT)
    taken_off = Greatest(
        F("remote_refunded"),
        Case(When(cancelled, then=part), default=ZERO, output_field=AMOUNT),
        Case(When(edited, then=Least(less, part)), default=ZERO, output_field=AMOUNT),
        output_field=AMOUNT,
    )
    pushes = apps.get_model("orders", "OrderPush").objects.filter(
        Q(remote_refunded__gt=0) | cancelled | edited, order=OuterRef("order")
    )
    off = pushes.annotate(off=taken_off).order_by().values("order").annotate(sum=Sum("off")).values("sum")
    refunds = apps.get_model("orders", "Refund").objects.filter(order=OuterRef("order")).exclude(status="withdrawn")
    given = refunds.order_by().values("order").annotate(sum=Sum("amount")).values("sum")
    paid = apps.get_model("orders", "Payment").objects.exclude(gateway="store")
    paid = paid.filter(order=OuterRef("pk"), status__in=["captured", "partially_refunded"]).alias(off=Subquery(off))
    return Exists(paid.filter(off__gt=Coalesce(Subquery(given), ZERO) + Decimal("0.0001")))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('orders', '0026_customers_by_address_in_any_case'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='needs_look',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('is_archived', False), ('needs_look', True)), fields=['merchant', '-placed_at', '-id'], name='order_newest_to_look_at'),
        ),
        migrations.RunPython(look, migrations.RunPython.noop),
    ]
