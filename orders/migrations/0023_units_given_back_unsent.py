from django.db import migrations, models


def take_over(apps, schema_editor):
    """Refunds that stand gave back what was not sent first; when each was promised is not known any more."""
    refund_lines = apps.get_model("orders", "RefundLine").objects.exclude(refund__status="withdrawn")
    for row in refund_lines.order_by("pk").iterator(chunk_size=500):
        line = row.line
        row.not_sent = max(min(row.quantity, line.quantity - line.fulfilled_quantity - line.called_off_quantity), 0)
        row.save(update_fields=["not_sent"])
        line.called_off_quantity += row.not_sent
        line.save(update_fields=["called_off_quantity"])


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0022_cancel_wish"),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='called_off_quantity',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='refundline',
            name='not_sent',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name='refundline',
            constraint=models.CheckConstraint(condition=models.Q(('not_sent__lte', models.F('quantity'))), name='refund_line_not_sent_within_quantity'),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
