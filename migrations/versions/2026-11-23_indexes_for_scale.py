"""indexes for scale

Follows a1c0de04ee04; written 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = 'a1c0de04ee05'
down_revision = 'a1c0de04ee04'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
