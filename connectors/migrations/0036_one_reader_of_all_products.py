from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0035_polls_that_go_on"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="whole_reads",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="connection",
            name="whole_read_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
