"""Captures by time; on PostgreSQL, any part of any word of an order found by its trigrams."""

from django.db import migrations, models

NAME = "order_search_trigrams"


def add_trigrams(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        schema_editor.execute(f"CREATE INDEX {NAME} ON orders_order USING gin (search_text gin_trgm_ops)")


def drop_trigrams(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddIndex("payment", models.Index(fields=["captured_at"], name="payment_by_capture")),
        migrations.RunPython(add_trigrams, drop_trigrams),
    ]
