"""indexes of narrow reach

Follows 46fa327ad3e6; written 2026-11-29.
"""

from alembic import op

revision = '70264ec409b9'
down_revision = '46fa327ad3e6'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('billing_account', schema=None) as batch_op:
        batch_op.create_index('ix_billing_account_author', ['created_by', 'id'], unique=False)

    with op.batch_alter_table('customer', schema=None) as batch_op:
        batch_op.create_index('ix_customer_author', ['created_by', 'id'], unique=False)

    with op.batch_alter_table('party_interaction', schema=None) as batch_op:
        batch_op.create_index('ix_party_interaction_author', ['created_by', 'id'], unique=False)

    with op.batch_alter_table('trouble_ticket', schema=None) as batch_op:
        batch_op.create_index('ix_trouble_ticket_author', ['created_by', 'id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('trouble_ticket', schema=None) as batch_op:
        batch_op.drop_index('ix_trouble_ticket_author')

    with op.batch_alter_table('party_interaction', schema=None) as batch_op:
        batch_op.drop_index('ix_party_interaction_author')

    with op.batch_alter_table('customer', schema=None) as batch_op:
        batch_op.drop_index('ix_customer_author')

    with op.batch_alter_table('billing_account', schema=None) as batch_op:
        batch_op.drop_index('ix_billing_account_author')

