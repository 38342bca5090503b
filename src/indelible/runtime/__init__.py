"""The real world behind the ports: clock, entropy, background tasks."""
