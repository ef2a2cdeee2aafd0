"""Every question that is asked of the database when somebody wants to know something.

``versions`` says which versions of entries are meant; ``rows`` makes rows of JSON of them in the database itself, so
that a list passes through the collector undecoded; ``found`` decodes them, where an answer has to be worked out.
"""
