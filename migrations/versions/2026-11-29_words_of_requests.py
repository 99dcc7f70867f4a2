"""Words of change requests in Chinese

Follows a1c0de04ee25; written 2026-11-29.
"""

import sqlalchemy as sa
from alembic import op

revision = "a1c0de06ee31"
down_revision = "a1c0de04ee25"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("change_request", sa.Column("title_zh", sa.String(length=200), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("change_request", schema=None) as batch_op:
        batch_op.drop_column("title_zh")
