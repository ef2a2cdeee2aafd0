"""Simulated agents against a real collector: the agent's own inventory, reporter and client on nodes in memory."""
