from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0036_one_reader_of_all_products"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="place_kept_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
