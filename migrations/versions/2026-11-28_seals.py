"""seals

Follows a1c0de04ee06; written 2026-11-28.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = 'a1c0de05ed01'
down_revision = 'a1c0de04ee06'
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')

# PostgreSQL only, see app/models/search_indexes.py
FIELDS = r"""
CREATE OR REPLACE FUNCTION changed_fields(text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
  SELECT array(SELECT json_object_keys($1::json)) $$
"""


def upgrade() -> None:
    op.create_table('seal',
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('table_name', sa.String(length=64), nullable=False),
    sa.Column('is_late', sa.Boolean(), nullable=False),
    sa.Column('first_key', sa.BigInteger(), nullable=False),
    sa.Column('last_key', sa.BigInteger(), nullable=False),
    sa.Column('row_count', sa.Integer(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('previous_hash', sa.String(length=64), nullable=False),
    sa.Column('rows_hash', sa.String(length=64), nullable=False),
    sa.Column('form', sa.Integer(), nullable=False),
    sa.Column('covers', sa.Text(), nullable=False),
    sa.Column('sealed_keys', LONG, nullable=False),
    sa.Column('marks', LONG, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_seal'))
    )
    op.create_index('ix_seal_table', 'seal', ['table_name', 'last_key'])
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(FIELDS)
        op.execute('CREATE INDEX ix_change_changed_fields ON change USING gin (changed_fields(fields))')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP INDEX ix_change_changed_fields')
        op.execute('DROP FUNCTION changed_fields(text)')
    op.drop_table('seal')
