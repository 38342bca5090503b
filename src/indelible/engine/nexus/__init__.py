"""Nexus endpoints, links and failures: what callers and handlers of operations have in common."""
