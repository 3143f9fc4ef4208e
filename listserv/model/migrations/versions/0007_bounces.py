"""bounces: what came back for an address, and whether it counted"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bounce",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("canonical", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bounce_at", "bounce", ["at"])
    op.create_index("ix_bounce_address", "bounce", ["canonical", "at"])
    op.create_index("ix_bounce_post", "bounce", ["post_id"])
    op.create_index("ix_bounce_delivery", "bounce", ["delivery_id"])


def downgrade() -> None:
    op.drop_table("bounce")
