from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0020_shipping_labels")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="cancel_wish",
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
