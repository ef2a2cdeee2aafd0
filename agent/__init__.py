"""The agent: one on every node, reads the engine and its disk, reports to the collector."""
