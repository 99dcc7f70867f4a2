"""indexes of queues

Follows b40c5e1a7d26; written 2026-11-28.
"""

from alembic import op

revision = 'a1c0de04ee06'
down_revision = 'b40c5e1a7d26'
branch_labels = None
depends_on = None

# PostgreSQL only, see app/models/search_indexes.py
QUEUES = {
    'ix_product_order_waiting':
        "product_order (submitted_at, id) WHERE review_state = 'submitted' AND state = 'acknowledged'",
    'ix_trouble_ticket_open':
        "trouble_ticket (expected_resolution_date, id, at_risk_at, escalation_level) "
        "WHERE status IN ('acknowledged', 'in_progress', 'held', 'pending')",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        for name, rows in QUEUES.items():
            op.execute(f'CREATE INDEX {name} ON {rows}')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        for name in QUEUES:
            op.execute(f'DROP INDEX {name}')
