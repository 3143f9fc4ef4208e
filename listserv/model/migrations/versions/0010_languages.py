"""the language that a person has chosen, and that in which somebody applies"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("person", "application"):
        op.add_column(table, sa.Column("language", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for table in ("person", "application"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("language")
