"""Files in messages over NATS JetStream: names, pieces, connections. Both sides use it, and it knows of neither.

Needs the extra `push` (nats-py). Nothing imports this package unless something is pushed or read.
"""
