"""the catalog in full: relations, services, markets, terms, groups, steps, discounts, test cases, mass changes

Segment, channel and term of an offering, of which it had one each, become rows. Follows 70264ec409b9; written 2026-11-29.
"""

import sqlalchemy as sa
from alembic import op

revision = 'a1c0de04ee40'
down_revision = '70264ec409b9'
branch_labels = None
depends_on = None

STAMPS = "created_at, created_by, changed_at, changed_by"
ROWS = (
    "INSERT INTO offering_market (product_offering_id, segment, channel, {stamps}) SELECT id, segment, channel, {stamps}"
    " FROM product_offering WHERE segment IS NOT NULL OR channel IS NOT NULL",
    "INSERT INTO offering_term (product_offering_id, months, {stamps}) SELECT id, term_months, {stamps}"
    " FROM product_offering WHERE term_months >= 0",
)
# No two launched prices of one kind overlap. SQLite and MariaDB cannot say it: there the program alone does.
KIND = ("product_offering_id", "price_type", "currency", "unit_of_measure", "segment", "region_id", "channel")
KEY = "hashtextextended({}, 0)".format(" || '/' || ".join(f"coalesce({name}::text, '')" for name in KIND))
OVERLAP = (
    "ALTER TABLE product_offering_price ADD CONSTRAINT ex_product_offering_price_overlap EXCLUDE USING gist"
    f" (int8range({KEY}, {KEY}, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&)"
    " WHERE (lifecycle_status IN ('launched', 'retired')) DEFERRABLE INITIALLY DEFERRED"
)
BACK = "UPDATE product_offering SET {name} = (SELECT MIN({value}) FROM {table} WHERE product_offering_id = product_offering.id)"


STEPS = "step IN ('set', 'add', 'remove', 'create', 'delete', 'move', 'hand_over'{})"


def _allow(publish: str) -> None:
    with op.batch_alter_table("change_request_line", schema=None) as batch_op:
        batch_op.drop_constraint("ck_change_request_line_step", type_="check")
        batch_op.create_check_constraint("ck_change_request_line_step", STEPS.format(publish))


def upgrade() -> None:
    _allow(", 'publish'")
    op.create_table('service_specification',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('name_zh', sa.String(length=200), nullable=True),
    sa.Column('service_type', sa.String(length=30), server_default='customer_facing', nullable=False),
    sa.Column('description', sa.String(length=1000), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("service_type IN ('customer_facing', 'resource_facing')", name='ck_service_specification_service_type'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_service_specification')),
    sa.UniqueConstraint('number', name=op.f('uq_service_specification_number'))
    )
    op.create_table('service_spec_characteristic',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('service_specification_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('name_zh', sa.String(length=100), nullable=True),
    sa.Column('value_type', sa.String(length=30), server_default='text', nullable=False),
    sa.Column('is_mandatory', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("value_type IN ('text', 'integer', 'decimal', 'boolean', 'date')", name='ck_service_spec_characteristic_value_type'),
    sa.ForeignKeyConstraint(['service_specification_id'], ['service_specification.id'], name=op.f('fk_service_spec_characteristic_service_specification_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_service_spec_characteristic')),
    sa.UniqueConstraint('service_specification_id', 'name', name='uq_service_spec_characteristic_name')
    )
    op.create_table('price_change',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('supplier_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('price_type', sa.String(length=30), server_default='recurring', nullable=False),
    sa.Column('segment', sa.String(length=30), nullable=True),
    sa.Column('channel', sa.String(length=30), nullable=True),
    sa.Column('currency', sa.String(length=30), server_default='CNY', nullable=False),
    sa.Column('kind', sa.String(length=30), server_default='percent', nullable=False),
    sa.Column('percent', sa.Numeric(precision=7, scale=4), nullable=True),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=True),
    sa.Column('rounding', sa.String(length=30), server_default='0.01', nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('existing_from', sa.Date(), nullable=True),
    sa.Column('state', sa.String(length=30), server_default='draft', nullable=False),
    sa.Column('change_request_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('undo_request_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("(kind = 'percent' AND percent IS NOT NULL AND amount IS NULL) OR (kind = 'amount' AND amount IS NOT NULL AND percent IS NULL)", name='ck_price_change_value'),
    sa.CheckConstraint("channel IN ('shop', 'call_centre', 'web', 'app', 'email', 'social', 'letter', 'field_sales', 'partner')", name='ck_price_change_channel'),
    sa.CheckConstraint("currency IN ('CNY', 'HKD', 'USD', 'EUR', 'GBP', 'SGD', 'JPY')", name='ck_price_change_currency'),
    sa.CheckConstraint("kind IN ('percent', 'amount')", name='ck_price_change_kind'),
    sa.CheckConstraint("price_type IN ('one_time', 'recurring', 'usage')", name='ck_price_change_price_type'),
    sa.CheckConstraint("rounding IN ('0.01', '0.1', '0.5', '1', '5')", name='ck_price_change_rounding'),
    sa.CheckConstraint("segment IN ('consumer', 'small_business', 'enterprise')", name='ck_price_change_segment'),
    sa.CheckConstraint("state IN ('draft', 'asked', 'done', 'dropped')", name='ck_price_change_state'),
    sa.CheckConstraint('existing_from >= valid_from', name='ck_price_change_existing_later'),
    sa.ForeignKeyConstraint(['change_request_id'], ['change_request.id'], name=op.f('fk_price_change_change_request_id')),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_price_change_supplier_id')),
    sa.ForeignKeyConstraint(['undo_request_id'], ['change_request.id'], name=op.f('fk_price_change_undo_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_price_change')),
    sa.UniqueConstraint('number', name=op.f('uq_price_change_number'))
    )
    with op.batch_alter_table('price_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_price_change_change_request_id'), ['change_request_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_price_change_supplier_id'), ['supplier_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_price_change_undo_request_id'), ['undo_request_id'], unique=False)

    op.create_table('product_spec_relationship',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_specification_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('relation', sa.String(length=30), server_default='requires', nullable=False),
    sa.Column('target_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("relation IN ('requires', 'excludes', 'migrates_to', 'replaces')", name='ck_product_spec_relationship_relation'),
    sa.CheckConstraint('target_id <> product_specification_id', name='ck_product_spec_relationship_another'),
    sa.ForeignKeyConstraint(['product_specification_id'], ['product_specification.id'], name=op.f('fk_product_spec_relationship_product_specification_id')),
    sa.ForeignKeyConstraint(['target_id'], ['product_specification.id'], name=op.f('fk_product_spec_relationship_target_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_spec_relationship')),
    sa.UniqueConstraint('product_specification_id', 'relation', 'target_id', name='uq_product_spec_relationship_target')
    )
    with op.batch_alter_table('product_spec_relationship', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_product_spec_relationship_target_id'), ['target_id'], unique=False)

    op.create_table('product_spec_service',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_specification_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('service_specification_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.ForeignKeyConstraint(['product_specification_id'], ['product_specification.id'], name=op.f('fk_product_spec_service_product_specification_id')),
    sa.ForeignKeyConstraint(['service_specification_id'], ['service_specification.id'], name=op.f('fk_product_spec_service_service_specification_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_spec_service')),
    sa.UniqueConstraint('product_specification_id', 'service_specification_id', name='uq_product_spec_service_service')
    )
    with op.batch_alter_table('product_spec_service', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_product_spec_service_service_specification_id'), ['service_specification_id'], unique=False)

    op.create_table('bundle_group',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('bundle_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('name_zh', sa.String(length=200), nullable=True),
    sa.Column('lower_limit', sa.Integer(), server_default='1', nullable=False),
    sa.Column('upper_limit', sa.Integer(), server_default='1', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('lower_limit >= 0 AND upper_limit >= 1 AND lower_limit <= upper_limit', name='ck_bundle_group_limits'),
    sa.ForeignKeyConstraint(['bundle_id'], ['product_offering.id'], name=op.f('fk_bundle_group_bundle_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bundle_group'))
    )
    with op.batch_alter_table('bundle_group', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bundle_group_bundle_id'), ['bundle_id'], unique=False)

    op.create_table('characteristic_mapping',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_spec_service_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('service_characteristic_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('characteristic_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('fixed_value', sa.String(length=200), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('(characteristic_id IS NULL AND fixed_value IS NOT NULL) OR (characteristic_id IS NOT NULL AND fixed_value IS NULL)', name='ck_characteristic_mapping_source'),
    sa.ForeignKeyConstraint(['characteristic_id'], ['product_spec_characteristic.id'], name=op.f('fk_characteristic_mapping_characteristic_id')),
    sa.ForeignKeyConstraint(['product_spec_service_id'], ['product_spec_service.id'], name=op.f('fk_characteristic_mapping_product_spec_service_id')),
    sa.ForeignKeyConstraint(['service_characteristic_id'], ['service_spec_characteristic.id'], name=op.f('fk_characteristic_mapping_service_characteristic_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_characteristic_mapping')),
    sa.UniqueConstraint('service_characteristic_id', 'product_spec_service_id', name='uq_characteristic_mapping_target')
    )
    with op.batch_alter_table('characteristic_mapping', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_characteristic_mapping_characteristic_id'), ['characteristic_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_characteristic_mapping_product_spec_service_id'), ['product_spec_service_id'], unique=False)

    op.create_table('offering_market',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_offering_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('segment', sa.String(length=30), nullable=True),
    sa.Column('channel', sa.String(length=30), nullable=True),
    sa.Column('region_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("channel IN ('shop', 'call_centre', 'web', 'app', 'email', 'social', 'letter', 'field_sales', 'partner')", name='ck_offering_market_channel'),
    sa.CheckConstraint("segment IN ('consumer', 'small_business', 'enterprise')", name='ck_offering_market_segment'),
    sa.ForeignKeyConstraint(['product_offering_id'], ['product_offering.id'], name=op.f('fk_offering_market_product_offering_id')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_offering_market_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offering_market'))
    )
    with op.batch_alter_table('offering_market', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_offering_market_product_offering_id'), ['product_offering_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_offering_market_region_id'), ['region_id'], unique=False)

    op.create_table('offering_term',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_offering_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('months', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('months >= 0', name='ck_offering_term_months_not_negative'),
    sa.ForeignKeyConstraint(['product_offering_id'], ['product_offering.id'], name=op.f('fk_offering_term_product_offering_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offering_term')),
    sa.UniqueConstraint('product_offering_id', 'months', name='uq_offering_term_months')
    )
    op.create_table('offering_test_case',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_offering_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('is_existing', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('segment', sa.String(length=30), server_default='consumer', nullable=False),
    sa.Column('channel', sa.String(length=30), server_default='shop', nullable=False),
    sa.Column('region_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('currency', sa.String(length=30), server_default='CNY', nullable=False),
    sa.Column('quantity', sa.Integer(), server_default='1', nullable=False),
    sa.Column('term_months', sa.Integer(), nullable=True),
    sa.Column('promotion_code', sa.String(length=40), nullable=True),
    sa.Column('expected_once', sa.Numeric(precision=18, scale=4), server_default='0', nullable=False),
    sa.Column('expected_monthly', sa.Numeric(precision=18, scale=4), server_default='0', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("channel IN ('shop', 'call_centre', 'web', 'app', 'email', 'social', 'letter', 'field_sales', 'partner')", name='ck_offering_test_case_channel'),
    sa.CheckConstraint("currency IN ('CNY', 'HKD', 'USD', 'EUR', 'GBP', 'SGD', 'JPY')", name='ck_offering_test_case_currency'),
    sa.CheckConstraint("segment IN ('consumer', 'small_business', 'enterprise')", name='ck_offering_test_case_segment'),
    sa.CheckConstraint('expected_monthly >= 0', name='ck_offering_test_case_expected_monthly_not_negative'),
    sa.CheckConstraint('expected_once >= 0', name='ck_offering_test_case_expected_once_not_negative'),
    sa.CheckConstraint('quantity >= 1', name='ck_offering_test_case_quantity'),
    sa.CheckConstraint('term_months >= 1', name='ck_offering_test_case_term'),
    sa.ForeignKeyConstraint(['product_offering_id'], ['product_offering.id'], name=op.f('fk_offering_test_case_product_offering_id')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_offering_test_case_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offering_test_case'))
    )
    with op.batch_alter_table('offering_test_case', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_offering_test_case_product_offering_id'), ['product_offering_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_offering_test_case_region_id'), ['region_id'], unique=False)

    op.create_table('price_alteration',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('name_zh', sa.String(length=200), nullable=True),
    sa.Column('kind', sa.String(length=30), server_default='percent', nullable=False),
    sa.Column('percent', sa.Numeric(precision=7, scale=4), nullable=True),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=True),
    sa.Column('currency', sa.String(length=30), nullable=True),
    sa.Column('price_type', sa.String(length=30), nullable=True),
    sa.Column('product_offering_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('category_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('segment', sa.String(length=30), nullable=True),
    sa.Column('channel', sa.String(length=30), nullable=True),
    sa.Column('region_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('min_quantity', sa.Integer(), nullable=True),
    sa.Column('min_term_months', sa.Integer(), nullable=True),
    sa.Column('promotion_code', sa.String(length=40), nullable=True),
    sa.Column('new_customers_only', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('bundle_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('duration_months', sa.Integer(), nullable=True),
    sa.Column('budget', sa.Numeric(precision=18, scale=4), nullable=True),
    sa.Column('max_uses', sa.Integer(), nullable=True),
    sa.Column('used_count', sa.Integer(), server_default='0', nullable=False),
    sa.Column('used_amount', sa.Numeric(precision=18, scale=4), server_default='0', nullable=False),
    sa.Column('priority', sa.Integer(), server_default='100', nullable=False),
    sa.Column('stacking', sa.String(length=30), server_default='sequential', nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('lifecycle_status', sa.String(length=30), server_default='in_study', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("(kind = 'percent' AND percent IS NOT NULL AND amount IS NULL) OR (kind = 'amount' AND amount IS NOT NULL AND percent IS NULL)", name='ck_price_alteration_value'),
    sa.CheckConstraint("channel IN ('shop', 'call_centre', 'web', 'app', 'email', 'social', 'letter', 'field_sales', 'partner')", name='ck_price_alteration_channel'),
    sa.CheckConstraint("currency IN ('CNY', 'HKD', 'USD', 'EUR', 'GBP', 'SGD', 'JPY')", name='ck_price_alteration_currency'),
    sa.CheckConstraint("kind IN ('percent', 'amount')", name='ck_price_alteration_kind'),
    sa.CheckConstraint("lifecycle_status IN ('in_study', 'in_design', 'in_test', 'active', 'launched', 'retired', 'obsolete')", name='ck_price_alteration_lifecycle_status'),
    sa.CheckConstraint("price_type IN ('one_time', 'recurring', 'usage')", name='ck_price_alteration_price_type'),
    sa.CheckConstraint("segment IN ('consumer', 'small_business', 'enterprise')", name='ck_price_alteration_segment'),
    sa.CheckConstraint("stacking IN ('additive', 'sequential', 'exclusive')", name='ck_price_alteration_stacking'),
    sa.CheckConstraint('(amount IS NULL AND budget IS NULL) OR currency IS NOT NULL', name='ck_price_alteration_has_currency'),
    sa.CheckConstraint('amount >= 0', name='ck_price_alteration_amount_not_negative'),
    sa.CheckConstraint('budget >= 0', name='ck_price_alteration_budget_not_negative'),
    sa.CheckConstraint('min_quantity >= 1 AND max_uses >= 1 AND duration_months >= 1 AND min_term_months >= 1', name='ck_price_alteration_counts'),
    sa.CheckConstraint('percent >= 0', name='ck_price_alteration_percent_not_negative'),
    sa.CheckConstraint('valid_from < valid_to', name='ck_price_alteration_period'),
    sa.ForeignKeyConstraint(['bundle_id'], ['product_offering.id'], name=op.f('fk_price_alteration_bundle_id')),
    sa.ForeignKeyConstraint(['category_id'], ['category.id'], name=op.f('fk_price_alteration_category_id')),
    sa.ForeignKeyConstraint(['product_offering_id'], ['product_offering.id'], name=op.f('fk_price_alteration_product_offering_id')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_price_alteration_region_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_price_alteration')),
    sa.UniqueConstraint('number', name=op.f('uq_price_alteration_number'))
    )
    with op.batch_alter_table('price_alteration', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_price_alteration_bundle_id'), ['bundle_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_price_alteration_category_id'), ['category_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_price_alteration_promotion_code'), ['promotion_code'], unique=False)
        batch_op.create_index(batch_op.f('ix_price_alteration_product_offering_id'), ['product_offering_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_price_alteration_region_id'), ['region_id'], unique=False)

    op.create_table('price_change_category',
    sa.Column('price_change_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('category_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['category_id'], ['category.id'], name=op.f('fk_price_change_category_category_id')),
    sa.ForeignKeyConstraint(['price_change_id'], ['price_change.id'], name=op.f('fk_price_change_category_price_change_id')),
    sa.PrimaryKeyConstraint('price_change_id', 'category_id', name=op.f('pk_price_change_category'))
    )
    with op.batch_alter_table('price_change_category', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_price_change_category_category_id'), ['category_id'], unique=False)

    op.create_table('offering_test_item',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('offering_test_case_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_offering_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('quantity', sa.Integer(), server_default='1', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('quantity >= 0', name='ck_offering_test_item_quantity'),
    sa.ForeignKeyConstraint(['offering_test_case_id'], ['offering_test_case.id'], name=op.f('fk_offering_test_item_offering_test_case_id')),
    sa.ForeignKeyConstraint(['product_offering_id'], ['product_offering.id'], name=op.f('fk_offering_test_item_product_offering_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offering_test_item')),
    sa.UniqueConstraint('offering_test_case_id', 'product_offering_id', name='uq_offering_test_item_member')
    )
    with op.batch_alter_table('offering_test_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_offering_test_item_product_offering_id'), ['product_offering_id'], unique=False)

    op.create_table('price_tier',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('product_offering_price_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('above', sa.Numeric(precision=18, scale=4), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('above > 0', name='ck_price_tier_above'),
    sa.CheckConstraint('amount >= 0', name='ck_price_tier_amount_not_negative'),
    sa.ForeignKeyConstraint(['product_offering_price_id'], ['product_offering_price.id'], name=op.f('fk_price_tier_product_offering_price_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_price_tier')),
    sa.UniqueConstraint('product_offering_price_id', 'above', name='uq_price_tier_above')
    )
    with op.batch_alter_table('bundled_offering', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bundle_group_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index(batch_op.f('ix_bundled_offering_bundle_group_id'), ['bundle_group_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_bundled_offering_bundle_group_id'), 'bundle_group', ['bundle_group_id'], ['id'])

    with op.batch_alter_table('product_offering', schema=None) as batch_op:
        batch_op.add_column(sa.Column('previous_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index(batch_op.f('ix_product_offering_previous_id'), ['previous_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_product_offering_previous_id'), 'product_offering', ['previous_id'], ['id'])
    for statement in ROWS:
        op.execute(statement.format(stamps=STAMPS))
    with op.batch_alter_table('product_offering', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_product_offering_channel'), type_='check')
        batch_op.drop_constraint(batch_op.f('ck_product_offering_segment'), type_='check')
        batch_op.drop_column('segment')
        batch_op.drop_column('term_months')
        batch_op.drop_column('channel')

    with op.batch_alter_table('product_offering_price', schema=None) as batch_op:
        batch_op.add_column(sa.Column('usage_charging', sa.String(length=30), server_default='flat', nullable=False))
        batch_op.add_column(sa.Column('name_zh', sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column('existing_from', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('price_change_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index(batch_op.f('ix_product_offering_price_price_change_id'), ['price_change_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_product_offering_price_price_change_id'), 'price_change', ['price_change_id'], ['id'])
        batch_op.create_check_constraint('ck_product_offering_price_existing_later', 'existing_from >= valid_from')
        batch_op.create_check_constraint('ck_product_offering_price_steps_of_usage', "price_type = 'usage' OR usage_charging = 'flat'")
        batch_op.create_check_constraint('ck_product_offering_price_usage_charging', "usage_charging IN ('flat', 'tiered', 'volume')")

    with op.batch_alter_table('product_specification', schema=None) as batch_op:
        batch_op.add_column(sa.Column('cost_price', sa.Numeric(precision=18, scale=4), nullable=True))
        batch_op.add_column(sa.Column('cost_currency', sa.String(length=30), nullable=True))
        batch_op.add_column(sa.Column('revenue_share', sa.Numeric(precision=7, scale=4), nullable=True))
        batch_op.add_column(sa.Column('previous_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index(batch_op.f('ix_product_specification_previous_id'), ['previous_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_product_specification_previous_id'), 'product_specification', ['previous_id'], ['id'])
        batch_op.create_check_constraint('ck_product_specification_cost_currency', "cost_currency IN ('CNY', 'HKD', 'USD', 'EUR', 'GBP', 'SGD', 'JPY')")
        batch_op.create_check_constraint('ck_product_specification_cost_has_currency', 'cost_price IS NULL OR cost_currency IS NOT NULL')
        batch_op.create_check_constraint('ck_product_specification_cost_of_third_party', "origin = 'third_party' OR (cost_price IS NULL AND revenue_share IS NULL)")
        batch_op.create_check_constraint('ck_product_specification_cost_price_not_negative', 'cost_price >= 0')
        batch_op.create_check_constraint('ck_product_specification_revenue_share_not_negative', 'revenue_share >= 0')
    with op.batch_alter_table('product_order', schema=None) as batch_op:
        batch_op.add_column(sa.Column('promotion_code', sa.String(length=40), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(OVERLAP)


def downgrade() -> None:
    with op.batch_alter_table('product_order', schema=None) as batch_op:
        batch_op.drop_column('promotion_code')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE product_offering_price DROP CONSTRAINT ex_product_offering_price_overlap")
    with op.batch_alter_table('product_specification', schema=None) as batch_op:
        batch_op.drop_constraint('ck_product_specification_revenue_share_not_negative', type_='check')
        batch_op.drop_constraint('ck_product_specification_cost_price_not_negative', type_='check')
        batch_op.drop_constraint('ck_product_specification_cost_of_third_party', type_='check')
        batch_op.drop_constraint('ck_product_specification_cost_has_currency', type_='check')
        batch_op.drop_constraint('ck_product_specification_cost_currency', type_='check')
        batch_op.drop_constraint(batch_op.f('fk_product_specification_previous_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_product_specification_previous_id'))
        batch_op.drop_column('previous_id')
        batch_op.drop_column('revenue_share')
        batch_op.drop_column('cost_currency')
        batch_op.drop_column('cost_price')

    with op.batch_alter_table('product_offering_price', schema=None) as batch_op:
        batch_op.drop_constraint('ck_product_offering_price_usage_charging', type_='check')
        batch_op.drop_constraint('ck_product_offering_price_steps_of_usage', type_='check')
        batch_op.drop_constraint('ck_product_offering_price_existing_later', type_='check')
        batch_op.drop_constraint(batch_op.f('fk_product_offering_price_price_change_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_product_offering_price_price_change_id'))
        batch_op.drop_column('price_change_id')
        batch_op.drop_column('existing_from')
        batch_op.drop_column('name_zh')
        batch_op.drop_column('usage_charging')

    with op.batch_alter_table('product_offering', schema=None) as batch_op:
        batch_op.add_column(sa.Column('channel', sa.VARCHAR(length=30), nullable=True))
        batch_op.add_column(sa.Column('term_months', sa.INTEGER(), nullable=True))
        batch_op.add_column(sa.Column('segment', sa.VARCHAR(length=30), nullable=True))
        batch_op.create_check_constraint(batch_op.f('ck_product_offering_segment'), "segment IN ('consumer', 'small_business', 'enterprise')")
        batch_op.create_check_constraint(batch_op.f('ck_product_offering_channel'), "channel IN ('shop', 'call_centre', 'web', 'app', 'email', 'social', 'letter', 'field_sales', 'partner')")
        batch_op.drop_constraint(batch_op.f('fk_product_offering_previous_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_product_offering_previous_id'))
        batch_op.drop_column('previous_id')

    for name, table, value in (
        ("segment", "offering_market", "segment"),
        ("channel", "offering_market", "channel"),
        ("term_months", "offering_term", "months"),
    ):
        op.execute(BACK.format(name=name, table=table, value=value))
    with op.batch_alter_table('bundled_offering', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_bundled_offering_bundle_group_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_bundled_offering_bundle_group_id'))
        batch_op.drop_column('bundle_group_id')

    op.drop_table('price_tier')
    op.drop_table('offering_test_item')
    op.drop_table('price_change_category')
    op.drop_table('price_alteration')
    op.drop_table('offering_test_case')
    op.drop_table('offering_term')
    op.drop_table('offering_market')
    op.drop_table('characteristic_mapping')
    op.drop_table('bundle_group')
    op.drop_table('product_spec_service')
    op.drop_table('product_spec_relationship')
    op.drop_table('price_change')
    op.drop_table('service_spec_characteristic')
    op.drop_table('service_specification')
    op.execute("DELETE FROM change_request_line WHERE step = 'publish'")
    _allow("")
