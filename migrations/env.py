"""What Alembic runs around the migrations: each in its own transaction, on the connection that ``run`` holds."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
