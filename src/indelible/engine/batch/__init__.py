"""Batch operations: what is to be done to which executions, and how far it has come."""
