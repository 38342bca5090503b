"""Standalone Nexus operations: operations without a workflow that waits for them."""
