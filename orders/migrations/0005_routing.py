"""Routing rules, each push's own part of the order's amounts, and what was sent last."""

import accounts.models
import django.db.models.deletion
import django.db.models.expressions
from decimal import Decimal
from django.db import migrations, models


def give_whole_amounts(apps, schema_editor):
    """Until now every push had all lines: its part is the whole order."""
    order = apps.get_model("orders", "Order").objects.filter(pk=models.OuterRef("order_id"))
    names = ("subtotal", "discount", "shipping", "tax", "total")
    parts = {name: models.Subquery(order.values(name)[:1]) for name in names}
    apps.get_model("orders", "OrderPush").objects.update(carries_shipping=True, **parts)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('connectors', '0006_default_destination'),
        ('orders', '0004_notes_topic'),
    ]

    operations = [
        migrations.CreateModel(
            name='RoutingRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=accounts.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('position', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(choices=[('sku_prefix', 'SKU begins with'), ('tag', 'Order has the tag'), ('attribute', 'Order detail is'), ('country', 'Ships to the country')], max_length=12)),
                ('name', models.CharField(blank=True, max_length=60)),
                ('value', models.CharField(max_length=120)),
            ],
        ),
        migrations.AddField(
            model_name='orderpush',
            name='carries_shipping',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='discount',
            field=models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='sent_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='sent_calls',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='shipping',
            field=models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='subtotal',
            field=models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='tax',
            field=models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16),
        ),
        migrations.AddField(
            model_name='orderpush',
            name='total',
            field=models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=16),
        ),
        migrations.AddField(
            model_name='pushline',
            name='routed_by',
            field=models.CharField(choices=[('hand', 'Moved by hand'), ('only', 'The only destination'), ('rule', 'Routing rule'), ('link', 'Product link'), ('default', 'Default destination')], default='only', max_length=10),
        ),
        migrations.RunPython(give_whole_amounts, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='orderpush',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('shipping__gte', 0), ('subtotal__gte', 0), ('tax__gte', 0), ('total__gte', 0)), name='push_amounts_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='orderpush',
            constraint=models.CheckConstraint(condition=models.Q(('carries_shipping', True), ('shipping', 0), _connector='OR'), name='push_shipping_needs_its_carrier'),
        ),
        migrations.AddConstraint(
            model_name='orderpush',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', True), ('sent_calls', [])), ('sent_at__isnull', False), _connector='OR'), name='push_sent_calls_have_time'),
        ),
        migrations.AddConstraint(
            model_name='pushline',
            constraint=models.CheckConstraint(condition=models.Q(('routed_by__in', ['hand', 'only', 'rule', 'link', 'default'])), name='push_line_routed_by_known'),
        ),
        migrations.AddField(
            model_name='routingrule',
            name='connection',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='routing_rules', to='connectors.connection'),
        ),
        migrations.AddField(
            model_name='routingrule',
            name='merchant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='routing_rules', to='accounts.merchant'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['sku_prefix', 'tag', 'attribute', 'country'])), name='routing_rule_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(('value', ''), _negated=True), name='routing_rule_has_a_value'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'attribute'), models.Q(('name', ''), _negated=True)), models.Q(models.Q(('kind', 'attribute'), _negated=True), ('name', '')), _connector='OR'), name='routing_rule_name_iff_attribute'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.UniqueConstraint(fields=('merchant', 'kind', 'name', 'value'), name='routing_rule_condition_once_per_merchant'),
        ),
    ]
