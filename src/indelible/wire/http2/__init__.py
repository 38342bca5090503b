"""HTTP/2 for servers, without input and output: bytes in, bytes out.

Owns frames, header blocks, flow control and the rules of RFC 9113, with a bound on whatever a peer
may make large. Must not know gRPC, the event loop or the clock: a shell feeds it, writes what it
gives out, and calls its beat once a second.

Why our own: a library such as `h2` makes events, copies of settings and validated lists of headers
for each call, 0.2 ms of them. A durable server answers a thousand small calls a second, which all
look alike, so the way of such a call is short here: one look-up for its headers, one write for its
answer. That takes a tenth.
"""
