"""The collector: keeps the register in PostgreSQL and answers for the whole cluster."""
