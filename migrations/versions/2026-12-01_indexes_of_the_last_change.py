"""an index of long lists for when and by whom a row was last changed, and no room beside the rows any more

Follows b7d2f10c4e19; written 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

revision = '94d431869ab6'
down_revision = 'b7d2f10c4e19'
branch_labels = None
depends_on = None

# See app/models/list_indexes.py, and app/models/search_indexes.py for PostgreSQL's parts of texts.
TABLES = (
    'billing_account', 'contact_medium', 'customer', 'order_review', 'party_interaction', 'product_order',
    'product_order_item', 'ticket_note', 'trouble_ticket',
)


def upgrade() -> None:
    for table in TABLES:
        for column in ('changed_at', 'changed_by'):
            op.create_index(f'ix_{table}_{column}_list', table, [column, 'id'])
    if op.get_bind().dialect.name != 'postgresql':
        return
    for table in TABLES:
        op.execute(f'ALTER TABLE {table} RESET (fillfactor)')
        if _has_trigrams():
            op.execute(f'CREATE INDEX ix_{table}_changed_by_part ON {table} USING gin (changed_by gin_trgm_ops)')


def _has_trigrams() -> bool:
    return op.get_bind().execute(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")).first() is not None


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        for table in TABLES:
            op.execute(f'DROP INDEX IF EXISTS ix_{table}_changed_by_part')
            op.execute(f'ALTER TABLE {table} SET (fillfactor = 90)')
    for table in TABLES:
        for column in ('changed_by', 'changed_at'):
            op.drop_index(f'ix_{table}_{column}_list', table)
