"""One machine without a Swarm: embedded PostgreSQL, sample nodes, data roots read from disk.

The only part of the command, beside ``simulate``, that knows agent, collector and migrations.
"""
