"""one index for all texts that the quick search of customers looks into

Follows 94d431869ab6; written 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

revision = '3c8e5b7f0a12'
down_revision = '94d431869ab6'
branch_labels = None
depends_on = None

# See TOGETHER in app/models/search_indexes.py.
SEARCHED = "lower(name || chr(10) || coalesce(email, '') || chr(10) || coalesce(identification_number, ''))"


def upgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql' and _has_trigrams():
        op.execute(f'CREATE INDEX ix_customer_quick_part ON customer USING gin ({SEARCHED} gin_trgm_ops)')


def _has_trigrams() -> bool:
    return op.get_bind().execute(sa.text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")).first() is not None


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP INDEX IF EXISTS ix_customer_quick_part')
