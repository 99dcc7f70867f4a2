"""kept figures

Follows a1c0de04ee03; written 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

revision = 'a1c0de04ee04'
down_revision = 'a1c0de04ee03'
branch_labels = None
depends_on = None


CELL = ('figure', 'region_id', 'period', 'first', 'second', 'third', 'fourth')


def upgrade() -> None:
    for name in ('kept_figure', 'figure_delta'):
        unique = [sa.UniqueConstraint(*CELL, name='uq_kept_figure_cell')] if name == 'kept_figure' else []
        op.create_table(name,
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('figure', sa.String(length=60), nullable=False),
        sa.Column('region_id', sa.BigInteger(), nullable=False),
        sa.Column('period', sa.Integer(), nullable=False),
        sa.Column('first', sa.String(length=30), nullable=False),
        sa.Column('second', sa.String(length=30), nullable=False),
        sa.Column('third', sa.String(length=30), nullable=False),
        sa.Column('fourth', sa.String(length=30), nullable=False),
        sa.Column('count', sa.BigInteger(), nullable=False),
        sa.Column('amount', sa.Numeric(precision=18, scale=4), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{name}')),
        *unique
        )
    with op.batch_alter_table('figure_delta', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_figure_delta_figure'), ['figure'], unique=False)
    lock = "INSERT INTO kept_figure (figure, region_id, period, first, second, third, fourth, count, amount)"
    op.execute(f"{lock} VALUES ('lock', -2, 0, '', '', '', '', 0, 0)")  # whoever folds or counts anew holds this row

    with op.batch_alter_table('product_order', schema=None) as batch_op:
        batch_op.add_column(sa.Column('lead_days', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('send_backs', sa.Integer(), server_default='0', nullable=False))

    with op.batch_alter_table('trouble_ticket', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sla_result', sa.String(length=30), nullable=True))
        batch_op.create_check_constraint('ck_trouble_ticket_sla_result', "sla_result IN ('in_time', 'late')")
    _complete()


def _complete() -> None:
    """What rules keep from now on, for the rows of before."""
    days = {
        'postgresql': "floor(extract(epoch FROM completion_date - order_date) / 86400)",
        'sqlite': "(strftime('%s', completion_date) - strftime('%s', order_date)) / 86400",
    }.get(op.get_bind().dialect.name, "TIMESTAMPDIFF(DAY, order_date, completion_date)")
    op.execute(f"UPDATE product_order SET lead_days = {days} WHERE state = 'completed'")
    sent_back = "SELECT product_order_id, count(*) FROM order_review WHERE decision = 'sent_back' GROUP BY product_order_id"
    order = sa.table('product_order', sa.column('id'), sa.column('send_backs'))
    for key, count in op.get_bind().execute(sa.text(sent_back)).all():
        op.get_bind().execute(sa.update(order).where(order.c.id == key).values(send_backs=count))
    late = "CASE WHEN resolution_date > expected_resolution_date THEN 'late' ELSE 'in_time' END"
    is_known = "resolution_date IS NOT NULL AND expected_resolution_date IS NOT NULL"
    op.execute(f"UPDATE trouble_ticket SET sla_result = {late} WHERE {is_known}")


def downgrade() -> None:
    with op.batch_alter_table('trouble_ticket', schema=None) as batch_op:
        batch_op.drop_constraint('ck_trouble_ticket_sla_result', type_='check')
        batch_op.drop_column('sla_result')

    with op.batch_alter_table('product_order', schema=None) as batch_op:
        batch_op.drop_column('send_backs')
        batch_op.drop_column('lead_days')

    op.drop_table('figure_delta')
    op.drop_table('kept_figure')
