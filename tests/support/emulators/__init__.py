"""Other people's stand-ins for Kinesis and DynamoDB, as processes on the loopback address.

They are brought once, pinned by hash, into ``.cache/emulators``: those of node by npm, moto by uv. Each
process is ended by its pid, and dies with the one that started it where the system can see to that.
"""
