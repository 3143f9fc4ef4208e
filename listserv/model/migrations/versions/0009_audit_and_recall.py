"""the log of decisions, salts, incidents, who began an emergency"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WORDS = "the audit log is only ever added to"
_TRIGGER = "CREATE TRIGGER audit_in_order BEFORE INSERT ON audit WHEN"
_SQLITE = (
    f"CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
    f"CREATE TRIGGER audit_unremoved BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
    # INSERT OR REPLACE would change a row without either
    f"{_TRIGGER} NEW.id IS NULL OR NEW.id <> (SELECT coalesce(max(id), 0) + 1 FROM audit)"  # noqa: S608
    f" BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END",
)
_POSTGRESQL = (
    f"CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$",
    "CREATE TRIGGER audit_unchanged BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_unremoved BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", _TIME, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("event", "person", "about", "channel", "proof")),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("message", "details", "previous", "hash")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_post", "audit", ["post_id"])
    op.create_index("ix_audit_at", "audit", ["at"])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))
    op.create_table(
        "salt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id"),
        sa.UniqueConstraint("post_id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("lists", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("opened_by", "channel", "reason")),
        *(sa.Column(n, sa.Integer(), nullable=False) for n in ("sent", "stopped", "under_way", "letters", "told")),
        sa.Column("told_at", _TIME, nullable=True),
        sa.Column("assess_by", _TIME, nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_incident_origin_id", "incident", ["origin_id"])
    op.create_index("ix_incident_told", "incident", ["told_at"])
    op.add_column("emergency", sa.Column("begun_at", _TIME, nullable=True))
    op.add_column("emergency", sa.Column("begun_by", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("emergency") as table:
        table.drop_column("begun_by")
        table.drop_column("begun_at")
    op.drop_table("incident")
    op.drop_table("salt")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DROP FUNCTION audit_refuse()"))
