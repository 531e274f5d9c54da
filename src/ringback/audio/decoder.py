"""The child process that decodes strangers' audio files: PyAV on the inside, frames on the outside.

Run as `python -m ringback.audio.decoder`. Its hello is `{}`, a request `{}` and the file, an answer `{}` and samples at
8 kHz, or `{"error"}`. The format is told by the file's first bytes and only that one is tried: FFmpeg's own guess
reaches formats that name other files and URLs (HLS, concat).
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Disposition

from . import frames, inside
from .telephone import FILTER, RATE, levelled, pulled

MEMORY = 1 << 30
"""Bytes of address space."""

LONGEST = 1_800
"""Seconds of sound in one file [ours]: four hundred times as long as what such files mostly say."""

_VALUES = 2 * 48_000
"""Samples of all channels in a second, on average over the longest sound: a film's. Many channels at a high rate cost a
decoder that others wait for a quarter of a minute, in a file of 50 kB."""

_RATES = range(4_000, 384_001)  # samples a second; beyond them, a filter for a single file takes all memory
_MOST_CHANNELS = 8
_MOST_DAMAGED = 0.1  # of the packets
_LAYER = 0x06  # of an MPEG frame's second byte: 0 is AAC in ADTS
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


class NotPlayable(ValueError):
    """It is no sound, and this says why."""


def format_of(file: bytes) -> str | None:
    """FFmpeg's name of the format that the file has by its first bytes; None for any but the contract's."""
    if file.startswith(b"ID3"):
        return format_of(file[_tag_size(file) :].lstrip(b"\0")) or "mp3"
    if file[:4] == b"RIFF" and file[8:12] == b"WAVE":
        return "wav"
    if file[:4] == b"FORM" and file[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if file.startswith(b"OggS"):
        return "ogg"
    if file[4:8] in _BOXES:
        return "mov"
    if file.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):  # the GUID of ASF's header
        return "asf"
    if len(file) > 1 and file[0] == 0xFF and file[1] & 0xE0 == 0xE0:
        return "mp3" if file[1] & _LAYER else "aac"
    return None


def decoded(file: bytes, longest: float = LONGEST) -> bytes:
    """The file's sound at the telephone's rate, mixed to one channel and levelled.

    Raises `NotPlayable`; MemoryError where it takes more than the process may have.
    """
    name = format_of(file)
    if name is None:
        raise NotPlayable("it is none of wav, mp3, ogg, aac, m4a, mp4, aiff and wma")
    try:
        with av.open(BytesIO(file), "r", format=name, metadata_errors="ignore") as container:
            sound = b"".join(_heard(container, _only_sound(container), longest))
    except (av.FFmpegError, OverflowError) as fault:
        raise NotPlayable(f"it can't be read as {name}: {getattr(fault, 'strerror', None) or fault}") from None
    if not sound:
        raise NotPlayable("there is no sound in it")
    return levelled(sound)


def _tag_size(file: bytes) -> int:
    """Of an ID3v2 tag: its length stands in four bytes of seven bits each."""
    size = 0
    for byte in file[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _only_sound(container: InputContainer) -> AudioStream:
    """Its first sound. A cover picture is no video."""
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise NotPlayable("it holds video")
    if not container.streams.audio:
        raise NotPlayable("there is no sound in it")
    return container.streams.audio[0]


def _heard(container: InputContainer, stream: AudioStream, longest: float) -> Iterator[bytes]:
    left = longest * RATE * 2
    for piece in _at_our_rate(_frames(container, stream, longest * _VALUES)):
        left -= len(piece)
        if left < 0:
            raise NotPlayable(f"it is longer than {longest:g} seconds")
        yield piece


def _frames(container: InputContainer, stream: AudioStream, most: float) -> Iterator[AudioFrame]:
    """What can be decoded; a damaged packet is passed over, but not many."""
    packets = damaged = values = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            for frame in _decoded(packet):
                values += frame.samples * frame.layout.nb_channels
                if values > most:
                    raise NotPlayable("it holds too many samples")
                yield frame
        except av.InvalidDataError:
            damaged += 1
    if damaged > max(1, packets * _MOST_DAMAGED):
        raise NotPlayable(f"{damaged} of its {packets} packets are damaged")


def _decoded(packet: "Packet[AudioStream]") -> Iterator[AudioFrame]:
    for frame in packet.decode():
        if frame.sample_rate not in _RATES:
            raise NotPlayable("it has an unusual sample rate")
        if frame.layout.nb_channels > _MOST_CHANNELS:
            raise NotPlayable(f"it has more than {_MOST_CHANNELS} channels")
        frame.pts = None
        yield frame


def _at_our_rate(decoded: Iterator[AudioFrame]) -> Iterator[bytes]:
    """A stream may change its own rate and channels midway: each stretch has a graph of its own."""
    graph, made_for = None, None
    for frame in decoded:
        kind = (frame.sample_rate, frame.format.name, frame.layout.name)
        if graph is None or kind != made_for:
            if graph:
                yield from _flushed(graph)
            graph, made_for = _graph(*kind), kind
        graph.push(frame)
        yield from pulled(graph)
    if graph:
        yield from _flushed(graph)


def _flushed(graph: Graph) -> Iterator[bytes]:
    graph.push(None)
    yield from pulled(graph)


def _graph(rate: int, sample_format: str, layout: str) -> Graph:
    graph = Graph()
    steps = [
        graph.add_abuffer(sample_rate=rate, format=sample_format, layout=layout),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=mono"),
        graph.add("aresample", FILTER),
        graph.add("aformat", f"s16:r={RATE}:cl=mono"),
        graph.add("abuffersink"),
    ]
    for one, following in pairwise(steps):
        one.link_to(following)
    graph.configure()
    return graph


def answered(file: bytes, decode: Callable[[bytes], bytes] = decoded) -> bytes:
    """The frame that answers a request; a file that is no sound is an error, not an end."""
    try:
        return frames.packed({}, decode(file))
    except NotPlayable as fault:
        return frames.packed({"error": str(fault)})
    except (MemoryError, ValueError) as fault:  # ValueError is also what PyAV raises of what it does not know
        return frames.packed({"error": str(fault) or "it takes too much memory"})


def main() -> None:
    """Decodes until stdin ends."""
    inside.limit(MEMORY)
    inside.answer_all(inside.own_stdout(), {}, lambda _, file: answered(file))


if __name__ == "__main__":
    main()
