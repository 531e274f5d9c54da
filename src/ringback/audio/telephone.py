"""Samples made fit for the telephone: its rate, its band, its level. For child processes: it imports PyAV."""

import math
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import mul

import av
from av.audio.frame import AudioFrame
from av.filter import Graph

RATE = 8_000

LEVEL = -20.0
"""Where speech is brought to, in dB of full scale, pauses left out (ITU-T P.56 calls it the active level)."""

PEAK = 0.9
"""The loudest sample, of full scale: louder speech is turned down as a whole, so nothing clips."""

FILTER = f"{RATE}:filter_size=64:cutoff=0.92"  # passes 3.4 kHz, and 4 kHz and above are 60 dB down
_FRAME = RATE // 50  # 20 ms
_FAINT = 100  # of 32,768: softer than any speech before it is levelled
_SILENT = 0.05  # of the loudest frame: what is softer is a pause, not speech


def joined(spoken: Iterable[tuple[bytes, float]], rate: int, longest: float) -> bytes:
    """Mono s16 at `rate`, each piece followed by exactly so many seconds of silence; its own edges there are cut off.

    Raises ValueError where that takes longer than `longest` seconds.
    """
    out, after_pause = bytearray(), False
    for samples, pause in spoken:
        out += _trimmed(samples, rate, start=after_pause, end=pause > 0)
        out += bytes(2 * round(pause * rate))
        after_pause = pause > 0
        if len(out) > longest * rate * 2:
            raise ValueError(f"the text takes longer than {longest:g} seconds to speak")
    return bytes(out)


def _trimmed(samples: bytes, rate: int, start: bool, end: bool) -> bytes:
    """Without the silence at its start or its end."""
    heard, step = array("h", samples), rate // 200
    loud = [
        place
        for place in range(0, len(heard), step)
        if max(chunk := heard[place : place + step]) > _FAINT or min(chunk) < -_FAINT
    ]
    if not loud:
        return b"" if start or end else samples
    first, last = loud[0] if start else 0, loud[-1] + step if end else len(heard)
    return heard[first:last].tobytes()


def resampled(samples: bytes, rate: int) -> bytes:
    """Mono s16 at `rate` brought to 8 kHz through a low-pass."""
    if not samples:
        return b""
    graph = _graph(rate)
    out = bytearray()
    for start in range(0, len(samples), 2 * rate):
        graph.push(_frame(samples[start : start + 2 * rate], rate))
        out += b"".join(pulled(graph))
    graph.push(None)
    out += b"".join(pulled(graph))
    return bytes(out)


def levelled(samples: bytes) -> bytes:
    """Mono s16 at 8 kHz, speech at `LEVEL`, no sample beyond `PEAK`. What is silent stays so."""
    heard = array("h", samples)
    active, peak = _active_level(heard), max(map(abs, heard), default=0)
    if not active:
        return samples
    gain = min(32768 * 10 ** (LEVEL / 20) / active, 32767 * PEAK / peak)
    loud = bytearray()
    for start in range(0, len(heard), RATE):  # in steps: Python's numbers take 20 times the samples' room
        loud += array("h", [int(s * gain) for s in heard[start : start + RATE]]).tobytes()
    return bytes(loud)


def _active_level(heard: "array[int]") -> float:
    """The root mean square of the frames that are not pauses; 0 when all is silent."""
    powers = []
    for start in range(0, len(heard), _FRAME):
        frame = heard[start : start + _FRAME]
        powers.append(sum(map(mul, frame, frame)) / len(frame))
    floor = max(powers, default=0.0) * _SILENT**2
    active = [power for power in powers if power > floor]
    return math.sqrt(sum(active) / len(active)) if active else 0.0


def _graph(rate: int) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate, format="s16", layout="mono")
    steps = [
        source,
        graph.add("aresample", FILTER),
        graph.add("aformat", "s16:r=8000"),
        graph.add("abuffersink"),
    ]
    for one, following in pairwise(steps):
        one.link_to(following)
    graph.configure()
    return graph


def _frame(samples: bytes, rate: int) -> AudioFrame:
    frame = AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
    frame.sample_rate = rate
    frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
    return frame


def pulled(graph: Graph) -> Iterator[bytes]:
    try:
        while True:
            frame = graph.pull()
            assert isinstance(frame, AudioFrame)  # noqa: S101  (the graph has no pictures)
            yield bytes(frame.planes[0])[: frame.samples * 2]
    except (av.BlockingIOError, av.EOFError):
        return
