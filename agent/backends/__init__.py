"""Storage backends: from a container's ID to its layer directories.

One module per backend, each pure functions and values over a data root; nothing here talks to an
engine or writes a file.
"""
