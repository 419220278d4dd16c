"""One more thing that can be promised: the notes that a destination keeps beside an order."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0003_mails_about_connections'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='outboxmessage',
            name='outbox_topic_known',
        ),
        migrations.AlterField(
            model_name='outboxmessage',
            name='topic',
            field=models.CharField(choices=[('check_order', 'Check with the destinations'), ('capture_payment', 'Capture the payment'), ('void_payment', 'Release the payment'), ('refund_payment', 'Give the payment back'), ('push_order', 'Push to the destination'), ('add_notes', 'Add the notes at the destination'), ('cancel_remote', 'Cancel at the destination'), ('pull_remote', 'Read back from the destination'), ('tell_customer', 'Tell the customer'), ('tell_merchant', 'Tell the merchant')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='outboxmessage',
            constraint=models.CheckConstraint(condition=models.Q(('topic__in', ['check_order', 'capture_payment', 'void_payment', 'refund_payment', 'push_order', 'add_notes', 'cancel_remote', 'pull_remote', 'tell_customer', 'tell_merchant'])), name='outbox_topic_known'),
        ),
    ]
