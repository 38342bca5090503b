"""The first adapter of the wire: gRPC by the official library's asyncio flavour."""
