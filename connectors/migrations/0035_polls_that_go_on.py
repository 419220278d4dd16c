from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0034_token_of_the_installation"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="poll_goes_on_from",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="connection",
            name="poll_began_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
