"""Schedules: when an action is due, and what becomes of it when others still run."""
