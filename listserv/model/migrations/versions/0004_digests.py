"""digests: what facilitators decide, which letter each person got, and how and when each wants theirs"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("timezone", "digest_day", "digest_time"):
        op.add_column("person", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("person", sa.Column("digest_format", sa.String(32), nullable=False, server_default="letter"))
    op.add_column("person", sa.Column("digest_per_list", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("subscription", sa.Column("delivery_since", sa.DateTime(timezone=True), nullable=True))
    subscription = sa.table("subscription", sa.column("delivery_since", sa.DateTime(timezone=True)))
    op.execute(sa.update(subscription).values(delivery_since=sa.func.current_timestamp()))  # the past is not sent now
    op.add_column("token", sa.Column("issue_id", sa.Integer(), nullable=True))
    op.add_column("token", sa.Column("edition_id", sa.Integer(), nullable=True))
    op.create_index("ix_post_released", "post", ["released_at"])
    op.create_table(
        "edition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("upcoming", sa.String(), nullable=False),
        sa.Column("numbered", sa.JSON(), nullable=False),
        sa.Column("dropped", sa.JSON(), nullable=False),
        sa.Column("lead", sa.JSON(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edited_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("list_name", "period"),
    )
    op.create_table(
        "issue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=True),
        sa.Column("threads", sa.JSON(), nullable=False),
        sa.Column("stopped", sa.JSON(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "list_name", "kind", "period"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_issue_notice", "issue", ["notice_id"])
    op.create_index("ix_issue_made", "issue", ["made_at"])


def downgrade() -> None:
    op.drop_table("issue")
    op.drop_table("edition")
    op.drop_index("ix_post_released", "post")
    with op.batch_alter_table("token") as batch:
        batch.drop_column("issue_id")
        batch.drop_column("edition_id")
    with op.batch_alter_table("subscription") as batch:
        batch.drop_column("delivery_since")
    with op.batch_alter_table("person") as batch:
        for name in ("timezone", "digest_day", "digest_time", "digest_format", "digest_per_list"):
            batch.drop_column(name)
