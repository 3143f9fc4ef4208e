"""who is speaking: arrivals without proof, confirmations, names and sub-addresses to be recognised"""

import sqlalchemy as sa
from alembic import op

from listserv.mail.address import without_tag
from listserv.mail.names import name_key

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrival",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("envelope_sender", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("helo", sa.String(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("from_address", sa.String(), nullable=False),
        sa.Column("message_id_header", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("auth", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_arrival_state", "arrival", ["state", "state_since"])
    for column in ("key", "message_id_header", "person_id"):
        op.create_index(f"ix_arrival_{column}", "arrival", [column])
    op.create_table(
        "confirmation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "address", "kind", "domain"),
    )
    op.create_index("ix_confirmation_person_id", "confirmation", ["person_id"])
    with op.batch_alter_table("token") as batch:
        batch.add_column(sa.Column("arrival_id", sa.Integer(), nullable=True))
        batch.create_foreign_key("fk_token_arrival_id_arrival", "arrival", ["arrival_id"], ["id"], ondelete="CASCADE")
        batch.create_index("ix_token_arrival_id", ["arrival_id"])
    op.add_column("post", sa.Column("auth", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("post", sa.Column("sent_as", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_post_list_rate", "post", ["list_name", "received_at"])
    op.add_column("person", sa.Column("name_key", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_person_name_key", "person", ["name_key"])
    op.add_column("address", sa.Column("untagged", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_address_untagged", "address", ["untagged"])
    _fill()


def _fill() -> None:
    tx = op.get_bind()
    person = sa.table("person", sa.column("id"), sa.column("name"), sa.column("name_key"))
    address = sa.table("address", sa.column("id"), sa.column("canonical"), sa.column("untagged"))
    keys = [{"row": row.id, "key": name_key(row.name)} for row in tx.execute(sa.select(person.c.id, person.c.name))]
    if keys:
        statement = sa.update(person).where(person.c.id == sa.bindparam("row")).values(name_key=sa.bindparam("key"))
        tx.execute(statement, keys)
    rows = tx.execute(sa.select(address.c.id, address.c.canonical))
    plain = [{"row": row.id, "key": without_tag(row.canonical)} for row in rows]
    if plain:
        statement = sa.update(address).where(address.c.id == sa.bindparam("row")).values(untagged=sa.bindparam("key"))
        tx.execute(statement, plain)


def downgrade() -> None:
    op.drop_index("ix_address_untagged", "address")
    op.drop_index("ix_person_name_key", "person")
    op.drop_index("ix_post_list_rate", "post")
    with op.batch_alter_table("address") as batch:
        batch.drop_column("untagged")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("name_key")
    with op.batch_alter_table("post") as batch:
        batch.drop_column("sent_as")
        batch.drop_column("auth")
    with op.batch_alter_table("token") as batch:
        batch.drop_index("ix_token_arrival_id")
        batch.drop_constraint("fk_token_arrival_id_arrival", type_="foreignkey")
        batch.drop_column("arrival_id")
    op.drop_table("confirmation")
    op.drop_table("arrival")
