"""The operators' questions: where, whose, and the lists; now or at a past moment.

Grammar, paths and sentences are pure; what is asked of the database stands in ``collector.store.read``.
"""
