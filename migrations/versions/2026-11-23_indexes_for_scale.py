"""indexes for scale

Follows a1c0de04ee04; written 2026-11-23.
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = 'a1c0de04ee05'
down_revision = 'a1c0de04ee04'
branch_labels = None
depends_on = None

# A new index is made before the one that it replaces goes: MariaDB wants one for each foreign key at all times.
NEW = (
    ('ix_product_order_customer', 'product_order', ['customer_id', 'id']),
    ('ix_product_order_standing', 'product_order', ['customer_id', 'state', 'monthly_total']),
    ('ix_product_order_state_date', 'product_order', ['state', 'order_date', 'id']),
    ('ix_product_order_date', 'product_order', ['order_date', 'id']),
    ('ix_product_order_review', 'product_order', ['review_state', 'submitted_at', 'id']),
    ('ix_product_order_author', 'product_order', ['created_by', 'state']),
    ('ix_trouble_ticket_customer', 'trouble_ticket', ['customer_id', 'id']),
    ('ix_trouble_ticket_owner', 'trouble_ticket', ['owner_id', 'status', 'expected_resolution_date']),
    ('ix_trouble_ticket_group', 'trouble_ticket', ['work_group_id', 'status', 'expected_resolution_date']),
    ('ix_trouble_ticket_opened', 'trouble_ticket', ['creation_date', 'id']),
    ('ix_party_interaction_customer', 'party_interaction', ['customer_id', 'id']),
    ('ix_party_interaction_employee', 'party_interaction', ['employee_id', 'status', 'started_at']),
)
REPLACED = (
    ('product_order', 'customer_id'),
    ('product_order', 'review_state'),
    ('product_order', 'submitted_at'),
    ('trouble_ticket', 'customer_id'),
    ('trouble_ticket', 'owner_id'),
    ('trouble_ticket', 'work_group_id'),
    ('party_interaction', 'customer_id'),
    ('party_interaction', 'employee_id'),
)

# PostgreSQL only, see app/models/search_indexes.py
BIGRAMS = r"""
CREATE OR REPLACE FUNCTION bigrams(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
  SELECT coalesce(array_agg(DISTINCT substr($1, i, 2)), '{}') FROM generate_series(1, length($1) - 1) AS i
  WHERE substr($1, i, 2) ~ '^[\u3400-\u9fff]{2}$' $$
"""
NAMES = ('customer', 'billing_account', 'trouble_ticket')
PARTS = (
    ('customer', 'phone'),
    ('customer', 'email'),
    ('customer', 'identification_number'),
    ('contact_medium', 'phone_number'),
    ('contact_medium', 'email_address'),
    ('contact_medium', 'social_network_id'),
    ('product_order', 'external_id'),
    ('product_order_item', 'product_number'),
)
STARTS = {
    'ix_customer_phone_start': 'customer (phone text_pattern_ops)',
    'ix_customer_phone_end': 'customer (reverse(phone) text_pattern_ops) WHERE phone IS NOT NULL',
    'ix_contact_medium_phone_number_start': 'contact_medium (phone_number text_pattern_ops)',
    'ix_contact_medium_phone_number_end':
        'contact_medium (reverse(phone_number) text_pattern_ops) WHERE phone_number IS NOT NULL',
    'ix_customer_email_start': 'customer (lower(email) text_pattern_ops) WHERE email IS NOT NULL',
    'ix_contact_medium_email_address_start':
        'contact_medium (lower(email_address) text_pattern_ops) WHERE email_address IS NOT NULL',
    'ix_customer_identification_number_start':
        'customer (identification_number text_pattern_ops) WHERE identification_number IS NOT NULL',
    'ix_product_order_external_id_start': 'product_order (external_id text_pattern_ops) WHERE external_id IS NOT NULL',
}


def upgrade() -> None:
    for name, table, columns in NEW:
        op.create_index(name, table, columns)
    for table, column in REPLACED:
        op.drop_index(f'ix_{table}_{column}', table)
    if op.get_bind().dialect.name == 'postgresql':
        _search_indexes()


def _search_indexes() -> None:
    op.execute(BIGRAMS)
    has_trigrams = _has_trigrams()
    for table in NAMES:
        if has_trigrams:
            op.execute(f'CREATE INDEX ix_{table}_name_part ON {table} USING gin (name gin_trgm_ops)')
        op.execute(f'CREATE INDEX ix_{table}_name_pairs ON {table} USING gin (bigrams(name))')
        op.execute(f'CREATE INDEX ix_{table}_name_start ON {table} (lower(name) text_pattern_ops)')
    for table, column in PARTS if has_trigrams else ():
        part = f'{table} USING gin ({column} gin_trgm_ops) WHERE {column} IS NOT NULL'
        op.execute(f'CREATE INDEX ix_{table}_{column}_part ON {part}')
    for name, expression in STARTS.items():
        op.execute(f'CREATE INDEX {name} ON {expression}')


def _has_trigrams() -> bool:
    """Have pg_trgm, where the database has it or the role may create it; else a part of a name is found by a scan."""
    try:
        with op.get_bind().begin_nested():
            op.execute('CREATE EXTENSION IF NOT EXISTS pg_trgm')
        return True
    except sa.exc.DBAPIError as error:
        logging.getLogger('switchboard.migrations').warning(
            'pg_trgm cannot be created, so a part of a name will be found by reading all names: %s; ask the owner of '
            'the server for CREATE EXTENSION pg_trgm, then run flask portal search-indexes', error.orig)
        return False


def downgrade() -> None:
    for table, column in REPLACED:
        op.create_index(f'ix_{table}_{column}', table, [column])
    for name, table, _columns in NEW:
        op.drop_index(name, table)
    if op.get_bind().dialect.name == 'postgresql':
        for table in NAMES:
            for kind in ('part', 'pairs', 'start'):
                op.execute(f'DROP INDEX IF EXISTS ix_{table}_name_{kind}')
        for table, column in PARTS:
            op.execute(f'DROP INDEX IF EXISTS ix_{table}_{column}_part')
        for name in STARTS:
            op.execute(f'DROP INDEX {name}')
        op.execute('DROP FUNCTION bigrams(text)')
