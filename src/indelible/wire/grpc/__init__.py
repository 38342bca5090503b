"""The gRPC adapter: the protocol of gRPC on our own HTTP/2.

Owns the way from an HTTP/2 request to a `ports.rpc.Handler` and back. The gRPC library is not used:
its asyncio server costs a quarter of a millisecond per call, most of what a call costs here.
"""
