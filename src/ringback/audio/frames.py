"""How we talk with our child processes: frames of a JSON header and some bytes, over pipes.

A frame is the header's length (4 bytes, big-endian), the body's length (4 bytes), the header, the body.
"""

import json
import struct
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")


def packed(header: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame. Both parts are below 4 GiB."""
    text = json.dumps(header).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame of a blocking stream, None at its end, also where it ends within a frame."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_size, body_size = LENGTHS.unpack(lengths)
    text, body = stream.read(header_size), stream.read(body_size)
    if len(text) < header_size or len(body) < body_size:
        return None
    return json.loads(text), body
