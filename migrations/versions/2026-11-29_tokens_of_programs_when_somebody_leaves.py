"""tokens of programs when somebody leaves

Follows a1c0de04ee33; written 2026-11-29.
"""

import sqlalchemy as sa
from alembic import op

revision = '46fa327ad3e6'
down_revision = 'a1c0de04ee33'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('staff_change', schema=None) as batch_op:
        batch_op.add_column(sa.Column('programs_go_on', sa.Boolean(), server_default='0', nullable=False))



def downgrade() -> None:
    with op.batch_alter_table('staff_change', schema=None) as batch_op:
        batch_op.drop_column('programs_go_on')

