from django.db import migrations, models

STEPS = ["connection", "orders", "products"]


def finish_what_is_there(apps, schema_editor):
    """Stores that were connected before have been set up by other pages."""
    apps.get_model("connectors", "SyncSettings").objects.update(setup_done=STEPS)


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0019_supplier_warehouses"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncsettings",
            name="setup_done",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.RunPython(finish_what_is_there, migrations.RunPython.noop, elidable=True),
    ]
