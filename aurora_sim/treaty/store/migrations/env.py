"""What Alembic runs a migration in: the connection that `store/schema.py` hands it."""

from __future__ import annotations

from alembic import context

from aurora_sim.treaty.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
