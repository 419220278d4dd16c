from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0038_push_keeps_whether_it_took_stock"),
    ]

    operations = [
        migrations.AddField(
            model_name="pushline",
            name="given_back_there",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
