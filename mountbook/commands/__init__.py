"""The sub-commands, one module each; ``mountbook.cli`` imports the one that is used."""
