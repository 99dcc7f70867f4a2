"""role limits: field rules and reaches

Follows a1c0de04ee25; written 2026-11-29.
"""

import sqlalchemy as sa
from alembic import op

revision = "b7c0de06fa32"
down_revision = "a1c0de06ee31"
branch_labels = None
depends_on = None

EACH = (
    ("version", sa.Integer(), "1"), ("created_at", sa.DateTime(), None), ("created_by", sa.String(length=128), None),
    ("changed_at", sa.DateTime(), None), ("changed_by", sa.String(length=128), None),
)  # fmt: skip


def _each():
    return [sa.Column(name, kind, server_default=default, nullable=False) for name, kind, default in EACH]


def _key():
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "field_rule",
        _key(),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=130), nullable=False),
        sa.Column("restriction", sa.String(length=30), server_default="masked", nullable=False),
        *_each(),
        sa.CheckConstraint("restriction IN ('hidden', 'masked', 'read_only')", name="ck_field_rule_restriction"),
        sa.ForeignKeyConstraint(
            ["role_id"], ["ab_role.id"], name=op.f("fk_field_rule_role_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_rule")),
        sa.UniqueConstraint("role_id", "place", name="uq_field_rule_place"),
    )
    op.create_table(
        "role_reach",
        _key(),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("reach", sa.String(length=30), server_default="regions", nullable=False),
        *_each(),
        sa.CheckConstraint(
            "reach IN ('everything', 'regions', 'department', 'own')", name="ck_role_reach_reach"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["ab_role.id"], name=op.f("fk_role_reach_role_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_reach")),
        sa.UniqueConstraint("role_id", "subject", name="uq_role_reach_subject"),
    )


def downgrade() -> None:
    op.drop_table("role_reach")
    op.drop_table("field_rule")
