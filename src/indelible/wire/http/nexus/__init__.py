"""Nexus over HTTP: the paths to which handlers complete, and at which operations are called."""
