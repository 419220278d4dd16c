"""One destination per merchant takes what nothing sends elsewhere: until somebody chooses, the oldest."""

from django.db import migrations, models


def choose_oldest(apps, schema_editor):
    connections = apps.get_model("connectors", "Connection").objects.exclude(state="removed").filter(is_destination=True)
    chosen = set()
    for connection in connections.order_by("pk").only("pk", "merchant_id"):
        if connection.merchant_id not in chosen:
            chosen.add(connection.merchant_id)
            connections.filter(pk=connection.pk).update(is_default=True)


class Migration(migrations.Migration):
    dependencies = [("connectors", "0005_several_shops_at_one_address")]

    operations = [
        migrations.AddField("connection", "is_default", models.BooleanField(default=False)),
        migrations.RunPython(choose_oldest, migrations.RunPython.noop),
        migrations.AddConstraint(
            "connection",
            models.UniqueConstraint(
                fields=["merchant"], condition=models.Q(is_default=True), name="connection_default_once_per_merchant"
            ),
        ),
        migrations.AddConstraint(
            "connection",
            models.CheckConstraint(
                condition=models.Q(is_default=False) | (models.Q(is_destination=True) & ~models.Q(state="removed")),
                name="connection_default_is_a_destination",
            ),
        ),
    ]
