"""Transports: bytes to messages and back. Knows the seam in `ports.rpc`, no service behind it."""
