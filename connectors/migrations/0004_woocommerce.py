"""What a driver remembers of its shop, and a practice webhook's own secret and state."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connectors", "0003_shop_once")]

    operations = [
        migrations.AddField("connection", "shop_settings", models.JSONField(blank=True, default=dict)),
        migrations.AddField("connection", "shop_settings_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("practicewebhook", "details", models.JSONField(blank=True, default=dict)),
    ]
