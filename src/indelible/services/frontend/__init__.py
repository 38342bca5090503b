"""The public service: every request is checked here, and answered by what lies below."""
