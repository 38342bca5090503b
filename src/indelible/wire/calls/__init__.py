"""What every adapter of the wire needs to take a call, whatever its protocol.

Owns the methods that the API has, who is let in, and what a caller is told of an error.
"""
