"""``mountbook deploy``: the stack on a Swarm, checked before, waited for after.

``facts`` asks docker what there is, ``checks`` decides from that alone, ``steps`` changes something.
"""
