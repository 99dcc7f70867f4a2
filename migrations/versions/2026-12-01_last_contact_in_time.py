"""the last contact of a customer is the latest in time, not the one that was entered last

Follows 3c8e5b7f0a12; written 2026-12-01.
"""

from alembic import op

revision = '5f0d2a9c71e4'
down_revision = '3c8e5b7f0a12'
branch_labels = None
depends_on = None

# Each is made before the other goes: MariaDB keeps an index that begins with the column of a foreign key.
OF_A_CUSTOMER = ('ix_party_interaction_customer', 'party_interaction')
OF_THE_LIST = ('ix_party_interaction_customer_id_list', 'party_interaction')


def upgrade() -> None:
    op.create_index(*OF_THE_LIST, ['customer_id', 'id'])
    op.drop_index(*OF_A_CUSTOMER)
    op.create_index(*OF_A_CUSTOMER, ['customer_id', 'started_at', 'id'])


def downgrade() -> None:
    op.drop_index(*OF_A_CUSTOMER)
    op.create_index(*OF_A_CUSTOMER, ['customer_id', 'id'])
    op.drop_index(*OF_THE_LIST)
