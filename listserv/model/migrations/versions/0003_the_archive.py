"""the archive: what changed, corrected threads, who is logged in, feeds; the thread that a post was sent to"""

import sqlalchemy as sa
from alembic import op

from listserv.mail.threads import tag_of

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("post", sa.Column("tag", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_post_tag", "post", ["tag", "list_name"])
    op.add_column("post", sa.Column("thread", sa.String(), nullable=False, server_default=""))
    op.add_column("post", sa.Column("imported", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_change_at", "change", ["at"])
    op.create_table(
        "threadedit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("edited_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("list_name", "tag"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_session_person_id", "session", ["person_id"])
    op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feed_person_id", "feed", ["person_id"])
    _fill()


def _fill() -> None:
    """Tags of the posts that are here already: the first of a Message-ID on a list has its plain one."""
    tx = op.get_bind()
    names = ("id", "list_name", "message_id_header", "content_hash", "tag")
    post = sa.table("post", *(sa.column(name) for name in names))
    taken: set[tuple[str, str]] = set()
    values = []
    for row in tx.execute(sa.select(post).order_by(post.c.id)).fetchall():
        tag = tag_of(row.message_id_header)
        if (row.list_name, tag) in taken:
            tag = tag_of(row.message_id_header, row.content_hash)
        taken.add((row.list_name, tag))
        values.append({"row": row.id, "new": tag})
    if values:
        tx.execute(sa.update(post).where(post.c.id == sa.bindparam("row")).values(tag=sa.bindparam("new")), values)


def downgrade() -> None:
    op.drop_table("feed")
    op.drop_table("session")
    op.drop_table("threadedit")
    op.drop_table("change")
    op.drop_index("ix_post_tag", "post")
    with op.batch_alter_table("post") as batch:
        batch.drop_column("tag")
        batch.drop_column("imported")
        batch.drop_column("thread")
