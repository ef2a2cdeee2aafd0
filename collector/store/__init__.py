"""The only SQL: tables, engines, what is written (``write``, ``heartbeats``, ``nodes``, …) and read (``read``)."""
