"""moderation: what the screen found, posts with their authors, changed posts, reminders"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("screened", sa.LargeBinary(), nullable=True),
        sa.Column("original_id", sa.Integer(), nullable=True),
        sa.Column("changed", sa.String(), nullable=False, server_default=""),
        sa.Column("author_note", sa.String(), nullable=False, server_default=""),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("claimed_by", sa.Integer(), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("return_by", _TIME, nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("remind_at", _TIME, nullable=True),
        sa.Column("wider_at", _TIME, nullable=True),
    ):
        op.add_column("post", column)
    op.create_index("ix_post_original_id", "post", ["original_id"])
    op.add_column("arrival", sa.Column("screened", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("arrival") as table:
        table.drop_column("screened")
    op.drop_index("ix_post_original_id", "post")
    with op.batch_alter_table("post") as table:
        for name in (
            "screened", "original_id", "changed", "author_note", "urgent", "claimed_by", "returns", "return_by",
            "reminded", "remind_at", "wider_at",
        ):  # fmt: skip
            table.drop_column(name)
