"""Refunds line by line, and what customers ask for. What was given back before becomes a refund without lines."""

import accounts.models
import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


def take_over(apps, schema_editor):
    """One row for each refund that a cancelled order was promised, kept or not, and its message by the row's key."""
    message_model, refund_model, payment_model = (
        apps.get_model("orders", name) for name in ("OutboxMessage", "Refund", "Payment")
    )
    messages = {row.order_id: row for row in message_model.objects.filter(topic="refund_payment").order_by("pk")}
    open_orders = [order_id for order_id, message in messages.items() if message.status != "done"]
    owed = models.Q(refunded__gt=0) | models.Q(order_id__in=open_orders, captured__gt=0)
    for payment in payment_model.objects.filter(owed).select_related("order"):
        message = messages.get(payment.order_id)
        given = payment.refunded > 0
        at = (message.done_at if given else message.created_at) if message else payment.captured_at
        refund = refund_model.objects.create(
            public_id=payment.order.public_id,  # with the generation: the key that the gateway knows it by already
            generation=payment.capture_generation,
            order=payment.order,
            status="done" if given else "failed" if message.status == "held" else "requested",
            failure="" if given else message.reason,
            currency=payment.currency,
            amount=payment.refunded if given else payment.captured,
            reason="cancelled",
            note=payment.order.decision_reason,
            requested_by=payment.order.decided_by or "Storeward",
            requested_at=at or payment.captured_at,
            done_at=(at or payment.captured_at) if given else None,
        )
        if message:
            message.key = f"refund:{refund.public_id}:{refund.generation}"
            message.payload = {"refund": refund.pk}
            message.save(update_fields=["key", "payload"])


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0006_totals_add_up'),
    ]

    operations = [
        migrations.CreateModel(
            name='RefundRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=accounts.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('status', models.CharField(choices=[('open', 'Waits for an answer'), ('issued', 'Issued'), ('declined', 'Declined')], default='open', max_length=10)),
                ('reason', models.CharField(choices=[('not_wanted', 'No longer wanted'), ('damaged', 'Arrived damaged'), ('faulty', 'Faulty or not as described'), ('wrong_item', 'Wrong item'), ('missing', 'Never arrived'), ('late', 'Arrived too late'), ('out_of_stock', 'Out of stock'), ('goodwill', 'Goodwill'), ('cancelled', 'Order cancelled'), ('other', 'Other')], max_length=20)),
                ('note', models.TextField(blank=True)),
                ('created_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decided_by', models.CharField(blank=True, max_length=254)),
                ('answer', models.CharField(blank=True, max_length=500)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refund_requests', to='orders.order')),
            ],
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=accounts.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('status', models.CharField(choices=[('requested', 'On its way'), ('done', 'Refunded'), ('failed', 'Failed'), ('withdrawn', 'Withdrawn')], default='requested', max_length=10)),
                ('currency', models.CharField(max_length=3)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=16)),
                ('computed', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16)),
                ('shipping', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16)),
                ('reason', models.CharField(choices=[('not_wanted', 'No longer wanted'), ('damaged', 'Arrived damaged'), ('faulty', 'Faulty or not as described'), ('wrong_item', 'Wrong item'), ('missing', 'Never arrived'), ('late', 'Arrived too late'), ('out_of_stock', 'Out of stock'), ('goodwill', 'Goodwill'), ('cancelled', 'Order cancelled'), ('other', 'Other')], max_length=20)),
                ('note', models.TextField(blank=True)),
                ('restock', models.BooleanField(default=False)),
                ('generation', models.PositiveSmallIntegerField(default=1)),
                ('gateway_id', models.CharField(blank=True, max_length=120)),
                ('failure', models.CharField(blank=True, max_length=500)),
                ('requested_by', models.CharField(max_length=254)),
                ('requested_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('key', models.CharField(blank=True, max_length=255)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refunds', to='orders.order')),
                ('request', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='refunds', to='orders.refundrequest')),
            ],
        ),
        migrations.CreateModel(
            name='RefundRequestLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField()),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refund_request_lines', to='orders.orderline')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='orders.refundrequest')),
            ],
        ),
        migrations.CreateModel(
            name='RefundPicture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=accounts.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('content', models.BinaryField()),
                ('request_line', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='picture', to='orders.refundrequestline')),
            ],
        ),
        migrations.CreateModel(
            name='RefundLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField()),
                ('amount', models.DecimalField(decimal_places=4, max_digits=16)),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refund_lines', to='orders.orderline')),
                ('refund', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='orders.refund')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('refund', 'line'), name='refund_line_once'), models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='refund_line_quantity_positive'), models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='refund_line_amount_not_negative')],
            },
        ),
        migrations.AddIndex(
            model_name='refundrequest',
            index=models.Index(fields=['status', '-created_at', '-id'], name='refund_request_newest'),
        ),
        migrations.AddConstraint(
            model_name='refundrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('order',), name='refund_request_one_open'),
        ),
        migrations.AddConstraint(
            model_name='refundrequest',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['open', 'issued', 'declined'])), name='refund_request_status_known'),
        ),
        migrations.AddConstraint(
            model_name='refundrequest',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['not_wanted', 'damaged', 'faulty', 'wrong_item', 'missing', 'late', 'out_of_stock', 'goodwill', 'cancelled', 'other'])), name='refund_request_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='refundrequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by', ''), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='refund_request_decided_iff_not_open'),
        ),
        migrations.AddConstraint(
            model_name='refundrequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'declined'), _negated=True), models.Q(('answer', ''), _negated=True), _connector='OR'), name='refund_request_declined_why'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(condition=models.Q(('key', ''), _negated=True), fields=('order', 'key'), name='refund_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['requested', 'done', 'failed', 'withdrawn'])), name='refund_status_known'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['not_wanted', 'damaged', 'faulty', 'wrong_item', 'missing', 'late', 'out_of_stock', 'goodwill', 'cancelled', 'other'])), name='refund_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('shipping__gte', 0), ('shipping__lte', models.F('computed'))), name='refund_shipping_within_computed'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('computed', 0), ('amount__lte', models.F('computed')), _connector='OR'), name='refund_amount_within_computed'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', False), ('status', 'done')), models.Q(models.Q(('status', 'done'), _negated=True), ('done_at__isnull', True)), _connector='OR'), name='refund_done_at_iff_done'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'failed'), _negated=True), models.Q(('failure', ''), _negated=True), _connector='OR'), name='refund_failed_says_why'),
        ),
        migrations.AddConstraint(
            model_name='refundrequestline',
            constraint=models.UniqueConstraint(fields=('request', 'line'), name='refund_request_line_once'),
        ),
        migrations.AddConstraint(
            model_name='refundrequestline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='refund_request_line_quantity_positive'),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
