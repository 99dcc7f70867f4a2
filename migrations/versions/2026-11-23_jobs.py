"""jobs

Follows a1c0de04ee02; written 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = 'a1c0de04ee03'
down_revision = 'a1c0de04ee02'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('job',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=30), nullable=False),
    sa.Column('owner_id', sa.Integer(), nullable=True),
    sa.Column('owner', sa.String(length=128), nullable=False),
    sa.Column('locale', sa.String(length=10), nullable=True),
    sa.Column('time_zone', sa.String(length=64), nullable=True),
    sa.Column('params', sa.Text().with_variant(MEDIUMTEXT(), 'mysql', 'mariadb'), nullable=False),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('started_at', sa.DateTime(), nullable=True),
    sa.Column('finished_at', sa.DateTime(), nullable=True),
    sa.Column('result', sa.Text().with_variant(MEDIUMTEXT(), 'mysql', 'mariadb'), nullable=True),
    sa.Column('reason', sa.String(length=1000), nullable=True),
    sa.Column('file', sa.String(length=300), nullable=True),
    sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name='ck_job_state'),
    sa.ForeignKeyConstraint(['owner_id'], ['ab_user.id'], name='fk_job_owner_id', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='pk_job')
    )
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.create_index('ix_job_finished_at', ['finished_at'], unique=False)
        batch_op.create_index('ix_job_owner', ['owner_id', 'id'], unique=False)
        batch_op.create_index('ix_job_state', ['state'], unique=False)


def downgrade() -> None:
    op.drop_table('job')
