"""requests

Follows a1c0de05ed01; written 2026-11-28.
"""

import sqlalchemy as sa
from alembic import op

revision = 'b4c0de05aa01'
down_revision = 'a1c0de05ed01'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('approval_policy',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subject', sa.String(length=30), nullable=False),
    sa.Column('needed', sa.Integer(), server_default='1', nullable=False),
    sa.Column('right_name', sa.String(length=100), nullable=False),
    sa.Column('bars_manager', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('bars_managed', sa.Boolean(), server_default='1', nullable=False),
    sa.Column('days', sa.Integer(), server_default='14', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("subject IN ('rights', 'catalog', 'customer_data')", name='ck_approval_policy_subject'),
    sa.CheckConstraint('days BETWEEN 1 AND 365', name='ck_approval_policy_days'),
    sa.CheckConstraint('needed BETWEEN 1 AND 9', name='ck_approval_policy_needed'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approval_policy')),
    sa.UniqueConstraint('subject', name=op.f('uq_approval_policy_subject'))
    )
    op.create_table('duty_conflict',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('name_zh', sa.String(length=200), nullable=True),
    sa.Column('first', sa.String(length=200), nullable=False),
    sa.Column('second', sa.String(length=200), nullable=False),
    sa.Column('why', sa.String(length=1000), nullable=False),
    sa.Column('why_zh', sa.String(length=1000), nullable=True),
    sa.Column('severity', sa.String(length=30), server_default='blocks', nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("severity IN ('blocks', 'warns')", name='ck_duty_conflict_severity'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duty_conflict')),
    sa.UniqueConstraint('code', name=op.f('uq_duty_conflict_code'))
    )
    op.create_table('mail',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('address', sa.String(length=254), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('text', sa.String(length=4000), nullable=False),
    sa.Column('state', sa.String(length=30), server_default='waiting', nullable=False),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('sent_at', sa.DateTime(), nullable=True),
    sa.Column('problem', sa.String(length=500), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail'))
    )
    with op.batch_alter_table('mail', schema=None) as batch_op:
        batch_op.create_index('ix_mail_state', ['state', 'id'], unique=False)

    op.create_table('change_request',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.String(length=20), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('subject', sa.String(length=30), nullable=False),
    sa.Column('reason', sa.String(length=1000), nullable=False),
    sa.Column('requester_id', sa.Integer(), nullable=False),
    sa.Column('for_user_id', sa.Integer(), nullable=True),
    sa.Column('apply_from', sa.Date(), nullable=True),
    sa.Column('valid_until', sa.Date(), nullable=True),
    sa.Column('state', sa.String(length=30), server_default='draft', nullable=False),
    sa.Column('needed', sa.Integer(), server_default='1', nullable=False),
    sa.Column('submitted_at', sa.DateTime(), nullable=True),
    sa.Column('expires_at', sa.DateTime(), nullable=True),
    sa.Column('content_hash', sa.String(length=64), nullable=True),
    sa.Column('applied_at', sa.DateTime(), nullable=True),
    sa.Column('problem', sa.String(length=1000), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("state IN ('draft', 'submitted', 'approved', 'applied', 'rejected', 'withdrawn', 'expired')", name='ck_change_request_state'),
    sa.CheckConstraint("subject IN ('rights', 'catalog', 'customer_data')", name='ck_change_request_subject'),
    sa.CheckConstraint('needed >= 1', name='ck_change_request_needed'),
    sa.CheckConstraint('valid_until IS NULL OR apply_from IS NULL OR apply_from < valid_until', name='ck_change_request_ends_later'),
    sa.ForeignKeyConstraint(['for_user_id'], ['ab_user.id'], name=op.f('fk_change_request_for_user_id')),
    sa.ForeignKeyConstraint(['requester_id'], ['ab_user.id'], name=op.f('fk_change_request_requester_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_request')),
    sa.UniqueConstraint('number', name=op.f('uq_change_request_number'))
    )
    with op.batch_alter_table('change_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_change_request_for_user_id'), ['for_user_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_change_request_requester_id'), ['requester_id'], unique=False)
        batch_op.create_index('ix_change_request_state', ['state', 'subject'], unique=False)

    op.create_table('duty_finding',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('duty_conflict_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('through', sa.String(length=1000), nullable=False),
    sa.Column('found_at', sa.DateTime(), nullable=False),
    sa.Column('excepted_until', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['duty_conflict_id'], ['duty_conflict.id'], name=op.f('fk_duty_finding_duty_conflict_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_duty_finding_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duty_finding')),
    sa.UniqueConstraint('user_id', 'duty_conflict_id', name='uq_duty_finding_user')
    )
    with op.batch_alter_table('duty_finding', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_duty_finding_duty_conflict_id'), ['duty_conflict_id'], unique=False)

    op.create_table('role_grant',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('role_id', sa.Integer(), nullable=False),
    sa.Column('valid_until', sa.DateTime(), nullable=False),
    sa.Column('authority', sa.String(length=64), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.ForeignKeyConstraint(['role_id'], ['ab_role.id'], name=op.f('fk_role_grant_role_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_role_grant_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_role_grant')),
    sa.UniqueConstraint('user_id', 'role_id', name='uq_role_grant_role')
    )
    with op.batch_alter_table('role_grant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_role_grant_role_id'), ['role_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_role_grant_valid_until'), ['valid_until'], unique=False)

    op.create_table('change_request_decision',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('change_request_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('verdict', sa.String(length=30), nullable=False),
    sa.Column('approver_id', sa.Integer(), nullable=False),
    sa.Column('behalf_of_id', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=1000), nullable=True),
    sa.Column('decided_at', sa.DateTime(), nullable=False),
    sa.Column('content_hash', sa.String(length=64), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("verdict = 'approved' OR reason IS NOT NULL", name='ck_change_request_decision_rejected_with_reason'),
    sa.CheckConstraint("verdict IN ('approved', 'rejected')", name='ck_change_request_decision_verdict'),
    sa.ForeignKeyConstraint(['approver_id'], ['ab_user.id'], name=op.f('fk_change_request_decision_approver_id')),
    sa.ForeignKeyConstraint(['behalf_of_id'], ['ab_user.id'], name=op.f('fk_change_request_decision_behalf_of_id')),
    sa.ForeignKeyConstraint(['change_request_id'], ['change_request.id'], name=op.f('fk_change_request_decision_change_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_request_decision')),
    sa.UniqueConstraint('change_request_id', 'approver_id', name='uq_change_request_decision_approver')
    )
    with op.batch_alter_table('change_request_decision', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_change_request_decision_approver_id'), ['approver_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_change_request_decision_behalf_of_id'), ['behalf_of_id'], unique=False)

    op.create_table('change_request_line',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('change_request_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('step', sa.String(length=30), nullable=False),
    sa.Column('record_type', sa.String(length=64), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=True),
    sa.Column('record_label', sa.String(length=200), nullable=False),
    sa.Column('field_name', sa.String(length=64), nullable=True),
    sa.Column('old', sa.Text(), nullable=True),
    sa.Column('new', sa.Text(), nullable=True),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint("step IN ('set', 'add', 'remove', 'create', 'delete', 'move')", name='ck_change_request_line_step'),
    sa.ForeignKeyConstraint(['change_request_id'], ['change_request.id'], name=op.f('fk_change_request_line_change_request_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_request_line'))
    )
    with op.batch_alter_table('change_request_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_change_request_line_change_request_id'), ['change_request_id'], unique=False)
        batch_op.create_index('ix_change_request_line_record', ['record_type', 'record_id'], unique=False)

    op.create_table('deputy',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('employee_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deputy_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=True),
    sa.Column('valid_to', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('employee_id <> deputy_id', name='ck_deputy_is_another'),
    sa.CheckConstraint('valid_from < valid_to', name='ck_deputy_period'),
    sa.ForeignKeyConstraint(['deputy_id'], ['employee.id'], name=op.f('fk_deputy_deputy_id')),
    sa.ForeignKeyConstraint(['employee_id'], ['employee.id'], name=op.f('fk_deputy_employee_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deputy'))
    )
    with op.batch_alter_table('deputy', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_deputy_deputy_id'), ['deputy_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_deputy_employee_id'), ['employee_id'], unique=False)

    op.create_table('duty_exception',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('duty_conflict_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reason', sa.String(length=1000), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=True),
    sa.Column('valid_to', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=128), nullable=False),
    sa.Column('changed_at', sa.DateTime(), nullable=False),
    sa.Column('changed_by', sa.String(length=128), nullable=False),
    sa.CheckConstraint('valid_from < valid_to', name='ck_duty_exception_period'),
    sa.ForeignKeyConstraint(['duty_conflict_id'], ['duty_conflict.id'], name=op.f('fk_duty_exception_duty_conflict_id')),
    sa.ForeignKeyConstraint(['owner_id'], ['employee.id'], name=op.f('fk_duty_exception_owner_id')),
    sa.ForeignKeyConstraint(['user_id'], ['ab_user.id'], name=op.f('fk_duty_exception_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_duty_exception'))
    )
    with op.batch_alter_table('duty_exception', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_duty_exception_duty_conflict_id'), ['duty_conflict_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_duty_exception_owner_id'), ['owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_duty_exception_user_id'), ['user_id'], unique=False)

    with op.batch_alter_table('change', schema=None) as batch_op:
        batch_op.add_column(sa.Column('authority', sa.String(length=64), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table('change', schema=None) as batch_op:
        batch_op.drop_column('authority')

    op.drop_table('duty_exception')
    op.drop_table('deputy')
    op.drop_table('change_request_line')
    op.drop_table('change_request_decision')
    op.drop_table('role_grant')
    op.drop_table('duty_finding')
    op.drop_table('change_request')
    op.drop_table('mail')
    op.drop_table('duty_conflict')
    op.drop_table('approval_policy')
