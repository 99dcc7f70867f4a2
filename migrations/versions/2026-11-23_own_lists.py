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
    op.create_table(
        "own_list",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("args", sa.String(length=1500), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=True),
        sa.Column("is_role_default", sa.Boolean(), nullable=False),
        sa.CheckConstraint("is_role_default = '0' OR role_id IS NOT NULL", name="ck_own_list_default_has_role"),
        sa.ForeignKeyConstraint(["owner_id"], ["ab_user.id"], name=op.f("fk_own_list_owner_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["ab_role.id"], name=op.f("fk_own_list_role_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_list")),
        sa.UniqueConstraint("owner_id", "record_type", "name", name="uq_own_list_name"),
    )
    op.create_index("ix_own_list_role", "own_list", ["role_id", "record_type"])
    op.create_table(
        "chosen_list",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("record_type", sa.String(length=64), nullable=False),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["own_list.id"], name=op.f("fk_chosen_list_list_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["ab_user.id"], name=op.f("fk_chosen_list_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "record_type", name=op.f("pk_chosen_list")),
    )
    op.create_index(op.f("ix_chosen_list_list_id"), "chosen_list", ["list_id"])


def downgrade() -> None:
    op.drop_table("chosen_list")
    op.drop_table("own_list")
