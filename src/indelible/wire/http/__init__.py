"""The second adapter of the wire: HTTP/1.1, for `curl`, browsers and Nexus.

It is imported only when an HTTP port is asked for. The protocol is h11's, a library without I/O: it
adds 0.01 s to the start, where uvicorn adds 0.06 s and brings signal handlers and a loop of its own
that a node must then work around.
"""
