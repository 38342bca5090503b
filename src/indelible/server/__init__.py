"""Configuration, wiring, lifecycle: the one place that knows every part."""
