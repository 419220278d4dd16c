"""Practice stores of any platform; those that exist are Shopify's."""

from django.db import migrations, models


def name_domains(apps, schema_editor):
    for shop in apps.get_model("connectors", "PracticeShop").objects.all():
        shop.domain = f"{shop.slug}.myshopify.com"
        shop.save(update_fields=["domain"])


class Migration(migrations.Migration):
    dependencies = [("connectors", "0001_initial")]

    operations = [
        migrations.AddField("practiceshop", "platform", models.CharField(default="shopify", max_length=30)),
        migrations.AddField("practiceshop", "settings", models.JSONField(blank=True, default=dict)),
        migrations.AddField("practiceshop", "domain", models.CharField(default="", max_length=253), preserve_default=False),
        migrations.AddField("practicevariant", "details", models.JSONField(blank=True, default=dict)),
        migrations.RunPython(name_domains, migrations.RunPython.noop),
    ]
