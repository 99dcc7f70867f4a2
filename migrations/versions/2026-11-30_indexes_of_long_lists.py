"""an index for each field by which long lists are sorted and filtered, and room for changes beside the rows

Follows a1c0de04ee07; written 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = 'b7d2f10c4e19'
down_revision = 'a1c0de04ee07'
branch_labels = None
depends_on = None

# See app/models/list_indexes.py: table, and columns; with a ! where it takes the place of an index of the column alone.
LISTS = {
    'billing_account': (
        'name! customer_id! parent_id! pays state rating_type payment_method bill_media bill_cycle_day '
        'currency credit_limit balance valid_from closed_at created_at'
    ),
    'contact_medium': (
        'customer_id! medium_type preferred phone_number! email_address! street1 street2 city '
        'state_or_province post_code country social_network_id valid_from valid_to created_at created_by'
    ),
    'customer': (
        'name! party_type family_name given_name trading_name parent_id! segment customer_rank status_reason '
        'region_id! phone! email! language country identification_type identification_number! gender '
        'birth_date valid_from close_reason closed_at created_at'
    ),
    'order_review': (
        'product_order_id! decision reviewer_id! decided_at one_time_total monthly_total value '
        'content_version created_at created_by'
    ),
    'party_interaction': (
        'direction channel reason_id! status product_order_id! trouble_ticket_id! employee_id completed_at '
        'created_at'
    ),
    'product_order': (
        'promotion_code billing_account_id! category channel priority state review_state content_version '
        'one_time_discount monthly_discount one_time_total monthly_total currency seller_id! submitted_at '
        'requested_start_date requested_completion_date expected_completion_date completion_date lead_days '
        'send_backs cancellation_date created_at created_by'
    ),
    'product_order_item': (
        'product_order_id! position parent_id! action product_offering_id! product_number! quantity '
        'one_time_price monthly_price term_months state created_at created_by'
    ),
    'ticket_note': (
        'trouble_ticket_id! for_customer author_id! created_at created_by'
    ),
    'trouble_ticket': (
        'name kind severity impact urgency priority status billing_account_id! product_order_id! '
        'escalation_level hops work_group_id owner_id channel requested_resolution_date '
        'expected_resolution_date at_risk_at resolution_date sla_result closed_at created_at'
    ),
}

# PostgreSQL only, where it has pg_trgm; see app/models/search_indexes.py. With a ? what may be empty.
PARTS = {
    'billing_account': 'number created_by',
    'contact_medium': 'street1? street2? city? state_or_province? post_code? country? created_by',
    'customer': 'number family_name? given_name? trading_name? status_reason? country? created_by',
    'order_review': 'created_by',
    'party_interaction': 'number created_by',
    'product_order': 'number promotion_code? created_by',
    'product_order_item': 'created_by',
    'ticket_note': 'created_by',
    'trouble_ticket': 'number created_by',
}


def upgrade() -> None:
    for table, columns in LISTS.items():
        for column, alone, _ in (name.partition('!') for name in columns.split()):
            op.create_index(f'ix_{table}_{column}_list', table, [column, 'id'])
            if alone:
                op.drop_index(f'ix_{table}_{column}', table)
    if op.get_bind().dialect.name != 'postgresql':
        return
    for table in LISTS:
        op.execute(f'ALTER TABLE {table} SET (fillfactor = 90)')
    if _has_trigrams():
        for table, columns in PARTS.items():
            for column, _, optional in (name.partition('?') for name in columns.split()):
                only = f' WHERE {column} IS NOT NULL' if optional else ''
                op.execute(f'CREATE INDEX ix_{table}_{column}_part ON {table} USING gin ({column} gin_trgm_ops){only}')


def _has_trigrams() -> bool:
    return op.get_bind().execute(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")).first() is not None


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        for table, columns in PARTS.items():
            for column in columns.replace('?', '').split():
                op.execute(f'DROP INDEX IF EXISTS ix_{table}_{column}_part')
        for table in LISTS:
            op.execute(f'ALTER TABLE {table} RESET (fillfactor)')
    for table, columns in LISTS.items():
        for column, alone, _ in (name.partition('!') for name in columns.split()):
            if alone:  # first: MariaDB keeps an index for each foreign key
                op.create_index(f'ix_{table}_{column}', table, [column])
            op.drop_index(f'ix_{table}_{column}_list', table)
