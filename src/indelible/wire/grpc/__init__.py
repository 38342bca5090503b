"""The first adapter of the wire: gRPC by the official library's asyncio flavour.

Owns what the library's core must be told before it starts, which it reads from the environment. An
operator's own words there win.
"""

import os

# The older of core's two pollers costs about a tenth less CPU per unary call (grpcio 1.85, two
# cores, medians of eight runs: 264 instead of 287 microseconds alone, 190 instead of 210 with 20
# callers). A release that drops it will say so on standard error, where a test listens.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener")
# Core writes lines of its own format between ours; what matters reaches us as an error or a status.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
