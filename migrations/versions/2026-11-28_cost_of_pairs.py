"""cost of pairs

Follows a1c0de04ee05; written 2026-11-28. PostgreSQL only: told that pairs of characters cost a hundred times what they
do, it started further processes to read a thousand rows.
"""

from alembic import op

revision = 'b40c5e1a7d26'
down_revision = 'a1c0de04ee05'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _costs(100)


def downgrade() -> None:
    _costs(10_000)


def _costs(cost: int) -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(f'ALTER FUNCTION bigrams(text) COST {cost}')
