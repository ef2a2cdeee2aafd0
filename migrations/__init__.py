"""The database's form, step by step (Alembic); ``migrations.run.upgrade`` brings a database to the newest."""
