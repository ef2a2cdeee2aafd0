"""How answers look: words, tables and blocks for people, docker's templates for scripts."""
