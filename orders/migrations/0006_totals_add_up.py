"""Sums are compared rounded: SQLite adds 0.1 and 0.2 in floats, and refused orders that add up."""

import django.db.models.expressions
import django.db.models.functions.math
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('connectors', '0006_default_destination'),
        ('orders', '0005_routing'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='order',
            name='order_totals_add_up',
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('prices_include_tax', True), ('total', django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), precision=4))), models.Q(('prices_include_tax', False), ('total', django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), '+', models.F('tax')), precision=4))), _connector='OR'), name='order_totals_add_up'),
        ),
        migrations.AddConstraint(
            model_name='orderpush',
            constraint=models.CheckConstraint(condition=models.Q(('total', django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), precision=4)), ('total', django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), '+', models.F('tax')), precision=4)), _connector='OR'), name='push_totals_add_up'),
        ),
    ]
