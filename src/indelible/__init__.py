"""Indelible: a durable execution service that speaks Temporal's public gRPC protocol."""

__version__ = "0.1.0"
