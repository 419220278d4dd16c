from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0021_names_in_the_admin")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="cancel_wish",
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
