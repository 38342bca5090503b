"""Drives every subcommand of the official command line against us and against the reference.

It is no part of `make test`: it needs the official executable, which is not ours and is both the
client and the yardstick. CONTRIBUTING.md says how to run it.
"""
