"""The audit log: a chain of hashes, checkpoints of it outside the database, and the proof that nothing was changed."""
