"""own lists

Follows 4c938c513168; written 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = 'a1c0de04ee01'
down_revision = '4c938c513168'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
