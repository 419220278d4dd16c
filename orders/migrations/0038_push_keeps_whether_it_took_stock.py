from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0037_push_counts_its_sends"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderpush",
            name="took_stock",
            field=models.BooleanField(blank=True, null=True),
        ),
    ]
