"""Logs and metrics: what a node says about itself."""
