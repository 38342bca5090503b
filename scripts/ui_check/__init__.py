"""Opens every page of the official Web UI server in Chromium and looks for errors.

It is no part of `make test`: it needs Chromium and a UI server, which are not ours. CONTRIBUTING.md
says how to run it.
"""
