from django.db import migrations, models
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Coalesce

COMPARING = ("shopify", "woocommerce", "squarespace")


def look(apps, schema_editor):
    """Orders that stood in a store with more than was paid before anybody could be asked about it."""
    pushes = apps.get_model("orders", "OrderPush").objects.filter(
        order=OuterRef("pk"), status="pushed", connection__platform__in=COMPARING,
        remote_total__gt=Coalesce(F("due_total"), F("total")),
    )  # fmt: skip
    orders = apps.get_model("orders", "Order").objects.filter(status__in=["confirmed", "completed"])
    orders.filter(Exists(pushes)).update(needs_look=True)


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0030_copies_at_the_destination"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderpush",
            name="accepted_total",
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=16, null=True),
        ),
        migrations.RunPython(look, migrations.RunPython.noop),
    ]
