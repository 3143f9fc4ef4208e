"""Alembic's entry: runs the migrations on the connection that edge.db hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import listserv.model  # noqa: F401  (fills the metadata)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=False,
)
context.run_migrations()
