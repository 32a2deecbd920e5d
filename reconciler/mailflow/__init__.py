"""Which send connector carries mail for a domain, and how well it protects it. Pure.

What decides in Exchange and cannot be read (the cost of links between sites, which server a message is on) is
told as unsure, never guessed.
"""
