"""Protocols that the services use and that stores, clocks and transports implement."""
