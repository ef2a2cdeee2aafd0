"""The collector's HTTP side: one module per resource that decodes, calls, and encodes.

``table`` lists every route; ``collector.openapi`` describes them from the same list.
"""
