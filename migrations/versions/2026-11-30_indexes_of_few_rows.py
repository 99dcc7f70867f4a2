"""indexes of few rows, and of contacts by their start

Follows 09a537de0627; written 2026-11-30.
"""

from alembic import op

revision = 'a1c0de04ee07'
down_revision = '09a537de0627'
branch_labels = None
depends_on = None

# PostgreSQL only, see app/models/search_indexes.py
FEW = {
    'ix_trouble_ticket_open_customer':
        "trouble_ticket (customer_id) WHERE status IN ('acknowledged', 'in_progress', 'held', 'pending')",
    'ix_change_rights':
        "change (at, id) "
        "WHERE record_type IN ('ab_user', 'ab_role', 'ab_group', 'employee', 'review_limit', 'role_grant')",
}


def upgrade() -> None:
    op.create_index('ix_party_interaction_started', 'party_interaction', ['started_at', 'id'])
    if op.get_bind().dialect.name == 'postgresql':
        for name, rows in FEW.items():
            op.execute(f'CREATE INDEX {name} ON {rows}')


def downgrade() -> None:
    op.drop_index('ix_party_interaction_started', 'party_interaction')
    if op.get_bind().dialect.name == 'postgresql':
        for name in FEW:
            op.execute(f'DROP INDEX {name}')
