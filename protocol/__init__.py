"""What agent, collector and command say to each other.

Imports only the standard library and msgspec, so that every side can carry it.
The written form of these shapes is ``docs/wire-format.md``; a test compares the two.
"""
