"""What one peer may make us hold or do. Each bound says what becomes of whoever passes it."""

from typing import Final

FRAME_BYTES_MAX: Final = 16_384
"""Payload of a frame that we accept, and of the largest that we send (FRAME_SIZE_ERROR)."""

STREAMS_MAX: Final = 10_000
"""Open calls of a connection. SDKs keep one per poller and per waiting client (REFUSED_STREAM)."""

STREAM_WINDOW: Final = 1024 * 1024
CONNECTION_WINDOW: Final = 16 * 1024 * 1024
"""What a peer may send ahead, per stream and in all (FLOW_CONTROL_ERROR)."""
WINDOW_DEFAULT: Final = 65_535
WINDOW_MAX: Final = 2**31 - 1

HEADER_LIST_BYTES_MAX: Final = 64 * 1024
"""Request headers, counted as RFC 9113 counts them; a token with many claims has room. More is a
refused call."""
HEADER_LIST_BYTES_ABSOLUTE_MAX: Final = 2 * HEADER_LIST_BYTES_MAX
HEADER_BLOCK_BYTES_MAX: Final = HEADER_LIST_BYTES_ABSOLUTE_MAX
HEADER_FRAMES_MAX: Final = 32
"""Headers beyond these end the connection: decoding may not stop half-way (ENHANCE_YOUR_CALM)."""

CACHED_BLOCKS_MAX: Final = 64
CACHED_BLOCK_BYTES_MAX: Final = 2_048
CACHED_LIST_BYTES_MAX: Final = 8 * 1024
"""Header blocks that are worth remembering; others are decoded each time."""

REMEMBERED_STREAMS_MAX: Final = 1_000
"""Streams that we ended before the peer did: its frames that were on the way are overlooked."""

PATIENCE_MAX: Final = 10_000
PATIENCE_PER_BEAT: Final = 200
PATIENCE_PER_ANSWER: Final = 10
"""Frames that cost us more than they cost a peer, such as a reset, a ping, an empty piece or a
change of the settings, use up its patience; time and answered calls restore it
(ENHANCE_YOUR_CALM)."""

PING_BEATS_MIN: Final = 9
PING_STRIKES_MAX: Final = 2
"""SDKs ping every 30 s, with and without calls. Ten seconds apart is still polite, and a little
less is allowed because timers jitter. A ping that follows an answer of ours is always welcome."""

OUTPUT_BYTES_MAX: Final = 256 * 1024
"""Pieces of large answers are framed no further ahead of the socket than this."""
BURST_BYTES_MAX: Final = 64 * 1024
"""What one stream may send before the next has its turn."""
BACKLOG_BYTES_MAX: Final = 32 * 1024 * 1024
"""Answers that wait for the socket or for windows of the peer. Whoever reads so slowly that more
would wait is refused further calls (REFUSED_STREAM)."""
