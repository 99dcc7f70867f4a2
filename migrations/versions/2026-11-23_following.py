"""following

Follows a1c0de04ee01; written 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = 'a1c0de04ee02'
down_revision = 'a1c0de04ee01'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('followed_record',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('record_type', sa.String(length=64), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('record_label', sa.String(length=200), nullable=False),
    sa.Column('seen_change', sa.BigInteger(), nullable=False),
    sa.Column('followed_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_followed_record_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_followed_record')),
    sa.UniqueConstraint('user_id', 'record_type', 'record_id', name='uq_followed_record_record')
    )
    op.create_table('last_look',
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('seen_change', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_last_look_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_last_look'))
    )
    op.create_index('ix_customer_status', 'customer', ['status', 'id'])


def downgrade() -> None:
    op.drop_index('ix_customer_status', 'customer')
    op.drop_table('last_look')
    op.drop_table('followed_record')
