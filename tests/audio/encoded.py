"""Audio files as customers have them, made by PyAV in the test."""

import io
from typing import Any

import av
import numpy as np

FORMATS: dict[str, tuple[str, str, int, str]] = {  # FFmpeg's muxer and encoder, samples a second, channels
    "wav": ("wav", "pcm_s16le", 44_100, "stereo"),
    "wav_24_bit": ("wav", "pcm_s24le", 48_000, "stereo"),
    "wav_alaw": ("wav", "pcm_alaw", 8_000, "mono"),
    "mp3": ("mp3", "libmp3lame", 44_100, "stereo"),
    "mp2": ("mp2", "mp2", 44_100, "stereo"),
    "ogg_vorbis": ("ogg", "vorbis", 44_100, "stereo"),
    "ogg_opus": ("ogg", "libopus", 48_000, "mono"),
    "aac": ("adts", "aac", 44_100, "stereo"),
    "m4a": ("ipod", "aac", 22_050, "mono"),
    "mp4": ("mp4", "aac", 44_100, "stereo"),
    "aiff": ("aiff", "pcm_s16be", 44_100, "stereo"),
    "wma": ("asf", "wmav2", 44_100, "stereo"),
}


def tone(seconds: float, rate: int, hertz: float = 440.0, amplitude: float = 12_000) -> Any:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype("<i2")


def file_of(kind: str, seconds: float = 2.0, *, video: bool = False, hertz: float = 440.0) -> bytes:
    """A tone as a file of one of `FORMATS`."""
    muxer, codec, rate, layout = FORMATS[kind]
    out = io.BytesIO()
    with av.open(out, "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        if not codec.startswith("pcm"):
            stream.bit_rate = 96_000
        pictures = container.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p") if video else None
        samples = np.repeat(tone(seconds, rate, hertz), 2 if layout == "stereo" else 1)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        stream.codec_context.open()
        resampler = av.AudioResampler(stream.format, layout, rate, stream.codec_context.frame_size or 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(piece))
        if pictures:
            for picture in (*(av.VideoFrame(64, 64, "yuv420p") for _ in range(10)), None):
                container.mux(pictures.encode(picture))
    return out.getvalue()


def quiet_aac(seconds: float) -> bytes:
    """Silence that says little: hours of it are under 4 MB."""
    muxer, codec, rate, layout = "adts", "aac", 8_000, "mono"
    out = io.BytesIO()
    with av.open(out, "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, rate * 8), "<i2"), format="s16", layout=layout)
        silence.sample_rate = rate
        stream.codec_context.open()
        resampler = av.AudioResampler(stream.format, layout, rate, stream.codec_context.frame_size)
        for piece in (*resampler.resample(silence), None):
            container.mux(stream.encode(piece))
    once = out.getvalue()
    return once * int(seconds // 8 + 1)
