"""Short clips made on the spot, and their packets as a camera would give them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.codec import codecs_available

from vigilar.media.encode import ClipWriter
from vigilar.media.file_source import FileSource
from vigilar.media.packets import RawPacket

WIDTH, HEIGHT, RATE = 320, 180, 10
TONE_HZ = 440


def needs_h265() -> pytest.MarkDecorator:
    """Marks a test that encodes H.265, for wheels built without it."""
    return pytest.mark.skipif("libx265" not in codecs_available, reason="this PyAV cannot encode H.265")


def make_clip(
    path: Path, *, pictures: int = 20, keyframe_every: int = 10, sound: bool = False, h265: bool = False
) -> Path:
    """A clip of a moving ramp: RATE pictures a second, a keyframe every ``keyframe_every`` of them."""
    codec = "libx265" if h265 else "libx264"
    with ClipWriter(path, WIDTH, HEIGHT, RATE, keyframe_every, has_sound=sound, codec=codec) as clip:
        for number in range(pictures):
            row = (np.arange(WIDTH) + 8 * number).astype(np.uint8)
            clip.write(np.repeat(np.tile(row, (HEIGHT, 1))[:, :, None], 3, axis=2))
    return path


def make_mjpeg_clip(path: Path, *, pictures: int = 20, rate: int = RATE, has_sound: bool = False) -> Path:
    """``make_clip``'s ramp as MJPEG with the usual Huffman codes, which RTP needs, in QuickTime."""
    with av.open(str(path), "w") as out:
        options = {"huffman": "default", "force_duplicated_matrix": "1"}
        stream = out.add_stream("mjpeg", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, 176, "yuvj420p"
        if has_sound:
            sound = out.add_stream("pcm_alaw", rate=8000, layout="mono")
            for begin in range(0, 8000 * pictures // rate, 160):
                silence = AudioFrame.from_ndarray(np.zeros((1, 160), np.int16), format="s16", layout="mono")
                silence.sample_rate, silence.pts, silence.time_base = 8000, begin, Fraction(1, 8000)
                out.mux(sound.encode(silence))
        for number in range(pictures):
            row = (np.arange(WIDTH) + 8 * number).astype(np.uint8)
            picture = np.repeat(np.tile(row, (176, 1))[:, :, None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def make_b_frame_clip(path: Path, *, pictures: int = 40) -> Path:
    """A clip whose pictures are not sent in the order they are shown: two B pictures and one that others refer to."""
    params = "bframes=3:b-adapt=0:b-pyramid=normal:scenecut=0:keyint=20"
    return make_encoded_clip(path, params, preset="fast", pictures=pictures)


def make_refresh_clip(path: Path, *, pictures: int = 60, h265: bool = False) -> Path:
    """A clip whose only IDR picture is the first: stripes of 20 pictures each renew it from then on."""
    params = "intra-refresh=1:keyint=20:bframes=0"
    return make_encoded_clip(path, params, tune="zerolatency", pictures=pictures, h265=h265)


def make_encoded_clip(
    path: Path, params: str, *, pictures: int, h265: bool = False, pix_fmt: str = "yuv420p", **options: str
) -> Path:
    """``make_clip``'s ramp as the encoder makes it with ``params`` of its own (x264 and x265 --fullhelp)."""
    name, own = ("libx265", "x265-params") if h265 else ("libx264", "x264-params")
    options = {"preset": "ultrafast", **options, own: params + (":log-level=none" if h265 else "")}
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(name, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        stream.codec_context.thread_count = 1
        for number in range(pictures):
            row = (np.arange(WIDTH) + 8 * number).astype(np.uint8)
            picture = np.repeat(np.tile(row, (HEIGHT, 1))[:, :, None], 3, axis=2)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return path


def wait_nothing(_seconds: float) -> bool:
    """Files as fast as they can be read, and nobody ever stops."""
    return False


def raw_packets(path: Path) -> tuple[FileSource, list[RawPacket]]:
    """The open source (close it) and all packets of one pass of the file."""
    source = FileSource(f"file:{path}", wait_nothing, loops=False)
    return source, [raw for raw in source if raw is not None]


def make_g711_clip(path: Path, *, pictures: int = 20, rate: int = 8000) -> Path:
    """A QuickTime clip of ``make_clip``'s pictures with a tone in G.711 (A-law, mono)."""
    silent = make_clip(path.with_suffix(".mp4"), pictures=pictures)
    with av.open(str(silent)) as source, av.open(str(path), "w") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream("pcm_alaw", rate=rate, layout="mono")
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        samples = np.arange(rate * pictures // RATE)
        tone = (8000 * np.sin(samples * 2 * np.pi * 440 / rate)).astype(np.int16)
        for begin in range(0, len(tone), 160):
            frame = AudioFrame.from_ndarray(tone[None, begin : begin + 160], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
            out.mux(sound.encode(frame))
    return path


def make_tone_clip(path: Path, codec: str, rate: int, layout: str, *, pictures: int = 30) -> Path:
    """A Matroska clip of ``make_clip``'s pictures with a tone of TONE_HZ as ``codec``."""
    silent = make_clip(path.with_suffix(".mp4"), pictures=pictures)
    channels = 2 if layout == "stereo" else 1
    out: Any
    with av.open(str(silent)) as source, av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream(codec, rate=rate, layout=layout)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        form = sound.codec_context.format.name
        resampler = av.AudioResampler(form, layout, rate, frame_size=sound.codec_context.frame_size or 320)
        tone = np.sin(np.arange(rate * pictures // RATE) * 2 * np.pi * TONE_HZ / rate)
        samples = np.repeat((8000 * tone).astype(np.int16), channels)[None]
        frame = AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(sound.encode(piece))
        out.mux(sound.encode(None))
    return path
