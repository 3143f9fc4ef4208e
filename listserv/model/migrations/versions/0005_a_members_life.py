"""a member's life: applications, texts of the terms, campaigns, threads followed or muted, pauses"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("person", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("token") as batch:
        batch.alter_column("person_id", existing_type=sa.Integer(), nullable=True)
    op.add_column("token", sa.Column("application_id", sa.Integer(), nullable=True))
    op.add_column("token", sa.Column("about", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "application",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("canonical", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("lists", sa.JSON(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("profession", sa.String(), nullable=False),
        sa.Column("registration", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terms_version", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.String(), nullable=False),
        sa.Column("verified_until", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    still_open = sa.text("state = 'open'")
    op.create_index("ix_application_open", "application", ["canonical"], unique=True,
                    sqlite_where=still_open, postgresql_where=still_open)  # fmt: skip
    op.create_index("ix_application_state", "application", ["state", "created_at"])
    op.create_table(
        "termstext",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "about", "stage"),
    )
    op.create_table(
        "following",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "list_name", "tag"),
    )
    op.create_index("ix_following_person_id", "following", ["person_id"])
    op.create_index("ix_following_tag", "following", ["list_name", "tag"])


def downgrade() -> None:
    for name in ("following", "campaign", "termstext", "application"):
        op.drop_table(name)
    with op.batch_alter_table("token") as batch:
        batch.drop_column("application_id")
        batch.drop_column("about")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("paused_at")
        batch.drop_column("paused_until")
