"""Standalone activities: activities without a workflow around them."""
