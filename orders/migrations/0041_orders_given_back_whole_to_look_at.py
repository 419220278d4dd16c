from django.db import migrations
from django.db.models import Exists, F, OuterRef


def look(apps, schema_editor):
    """Open orders all of which was given back, and that a destination may still send."""
    lines = apps.get_model("orders", "OrderLine").objects.filter(order=OuterRef("pk"))
    pushes = apps.get_model("orders", "OrderPush").objects.filter(order=OuterRef("pk"), remote_cancelled=False)
    may_send = Exists(pushes.exclude(status__in=["skipped", "cancelled"]))
    is_due = Exists(lines.filter(quantity__gt=F("called_off_quantity")))
    orders = apps.get_model("orders", "Order").objects.filter(status="confirmed", needs_look=False)
    orders.filter(Exists(lines.filter(called_off_quantity__gt=0)), may_send, ~is_due).update(needs_look=True)


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0040_keys_that_other_indexes_begin_with'),
    ]

    operations = [
        migrations.RunPython(look, migrations.RunPython.noop),
    ]
