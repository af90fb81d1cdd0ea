"""What cameras send in forms that libav's RTP muxer does not make: pictures and a tone, packed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from tests.fakes.clips import RATE, TONE_HZ
from tests.fakes.jpeg_pictures import (
    Packing,
    make_picture,
    payloads,
    to_jpeg,
    whole_payloads,
    with_segments,
    with_tables,
)
from tests.fakes.rtp import rtp
from tests.fakes.rtsp_camera import Piece, Track

LENGTH_S = 3.2
"""Of a loop: as many whole units of AAC as periods of the tone."""

PICTURES = round(LENGTH_S * RATE)


@dataclass(frozen=True, slots=True)
class Form:
    """A stream. ``lines`` is its section without the control; ``units`` are the payloads of each picture or bit of
    sound, which come evenly over the loop; ``wrap`` is done to each packet of a unit."""

    lines: str
    clock: int
    payload_type: int
    units: list[list[bytes]]
    marker: str = "last"
    wrap: Callable[[bytes, int], bytes] = lambda packet, _number: packet

    def stream(self, number: int) -> tuple[Track, list[Piece]]:
        """As the ``number``-th of a clip."""
        is_video = self.lines.startswith("m=video")
        lines = self.lines.replace("\n", "\r\n") + f"\r\na=control:trackID={number}\r\n"
        pieces: list[Piece] = []
        for at, unit in enumerate(self.units):
            at_s = at * LENGTH_S / len(self.units)
            for part, payload in enumerate(unit):
                has_marker = self.marker == "each" or (self.marker == "last" and payload is unit[-1])
                packet = rtp(payload, 0, 0, marker=has_marker, payload_type=self.payload_type)
                ticks = round(at_s * self.clock)
                pieces.append(Piece(at_s, number, ticks, is_video and part == 0, self.wrap(packet, at)))
        return Track(self.clock, is_video, lines), pieces


# Pictures


def pictures(width: int = 320, height: int = 176, **options: Any) -> list[bytes]:
    """A box that moves, as JPEG files."""
    shift = (width - width // 6) // PICTURES
    return [to_jpeg(make_picture(width, height, (at + 1) * shift), **options) for at in range(PICTURES)]


def jpeg_form(
    sent: list[bytes],
    pack: Callable[[bytes, int], list[bytes]],
    lines: str = "m=video 0 RTP/AVP 26",
    clock: int = 90_000,
    payload_type: int = 26,
    **more: Any,
) -> Form:
    return Form(lines, clock, payload_type, [pack(jpeg, at) for at, jpeg in enumerate(sent)], **more)


def packed(packing: Packing) -> Callable[[bytes, int], list[bytes]]:
    return lambda jpeg, _number: payloads(jpeg, packing)


def without_size(parts: list[bytes]) -> list[bytes]:
    return [part[:6] + b"\0\0" + part[8:] for part in parts]


def jpeg_forms() -> dict[str, tuple[list[bytes], Form]]:
    """Each with the pictures that are sent in it."""
    usual, wide = pictures(), pictures(2056, 64)
    odd = {
        "tables in each picture": (usual, jpeg_form(usual, packed(Packing()))),
        "tables now and then": (
            usual,
            jpeg_form(usual, lambda one, at: payloads(one, Packing(130, has_tables=at % 5 == 0))),
        ),
        "wide tables that are said to be narrow": (
            usual,
            jpeg_form(usual, lambda one, _: with_tables(payloads(one, Packing()), 0, is_wide=True)),
        ),
        "of another type and clock": (
            usual,
            jpeg_form(usual, packed(Packing()), "m=video 0 RTP/AVP 98\na=rtpmap:98 JPEG/1000", 1000, 98),
        ),
        "no markers": (usual, jpeg_form(usual, packed(Packing()), marker="none")),
        "marker on each packet": (usual, jpeg_form(usual, packed(Packing()), marker="each")),
        "last fragment first": (usual, jpeg_form(usual, lambda one, _: payloads(one, Packing())[::-1], marker="none")),
        "each fragment twice": (
            usual,
            jpeg_form(usual, lambda one, _: [part for part in payloads(one, Packing()) for _ in range(2)]),
        ),
        "second fields beside": (
            usual,
            jpeg_form(
                usual,
                lambda one, _: [field + part[1:] for field in (b"\1", b"\2") for part in payloads(one, Packing())],
            ),
        ),
        "files in pieces": (usual, jpeg_form(usual, lambda one, _: whole_payloads(one, (5, 100, 0, 0)))),
        "too wide, size in the description": (
            wide,
            jpeg_form(wide, packed(Packing()), "m=video 0 RTP/AVP 26\na=x-dimensions:2056,64"),
        ),
        "too wide, size and tables in an extension": (
            wide,
            jpeg_form(
                wide,
                lambda one, _: without_size(payloads(one, Packing(60))),
                wrap=lambda packet, at: with_segments(packet, wide[at]),
            ),
        ),
    }
    for name, quality, options, packing in (
        ("quality 40", 40, {}, Packing(40)),
        ("quality 127, which is none", 100, {}, Packing(127)),
        ("4:2:2", 80, {"is_422": True}, Packing(is_422=True)),
        ("restart markers", 80, {"has_restarts": True}, Packing(has_restarts=True)),
        ("restart markers that the type denies", 80, {"has_restarts": True}, Packing()),
    ):
        sent = pictures(quality=quality, **options)
        odd[name] = (sent, jpeg_form(sent, packed(packing)))
    return odd


# Sound


def tone(rate: int, channels: int = 1) -> NDArray[np.int16]:
    wave = 8000 * np.sin(np.arange(round(rate * LENGTH_S)) * 2 * np.pi * TONE_HZ / rate)
    return np.repeat(wave.astype(np.int16), channels)


def encoded(codec: str, rate: int, *, frame: int = 0, bit_rate: int = 0, layout: str = "mono") -> list[bytes]:
    """The tone, encoded by libav in frames of 20 ms or of the codec's own length."""
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout = rate, layout
    encoder.format = encoder.codec.audio_formats[0].name
    if bit_rate:
        encoder.bit_rate = bit_rate
    encoder.open()
    resampler = av.AudioResampler(encoder.format.name, layout, rate, frame_size=frame or rate // 50)
    whole = AudioFrame.from_ndarray(tone(rate, encoder.layout.nb_channels)[None], format="s16", layout=layout)
    whole.sample_rate, whole.pts, whole.time_base = rate, 0, Fraction(1, rate)
    frames = [*resampler.resample(whole), *resampler.resample(None)]
    return [bytes(packet) for one in frames for packet in encoder.encode(one)]


def adts(unit: bytes, rate_index: int = 8) -> bytes:
    """AAC-LC of one channel with the header of an ADTS stream (ISO/IEC 14496-3 1.A.2.2); 8 is 16 kHz."""
    size = 7 + len(unit)
    return (
        bytes(
            (0xFF, 0xF1, 1 << 6 | rate_index << 2, 1 << 6 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)
        )
        + unit
    )


def latm(unit: bytes) -> bytes:
    """An AudioMuxElement without its set-up: how long it is, in bytes of 255 and a rest (14496-3 1.7.3)."""
    return b"\xff" * (len(unit) // 255) + bytes((len(unit) % 255,)) + unit


def with_header(unit: bytes, *, bits: int = 16, size_bits: int = 13, told: int = 0) -> bytes:
    """One unit behind its AU header (RFC 3640 3.2.1) of so many bits, which are said to be ``told``."""
    header = (len(unit) << (bits - size_bits)) << (-bits % 8)
    return (told or bits).to_bytes(2, "big") + header.to_bytes((bits + 7) // 8, "big") + unit


def aac_form(units: list[bytes], fmtp: str, pack: Callable[[bytes], bytes], rtpmap: str = "", number: int = 97) -> Form:
    clock = int(rtpmap.split("/")[1]) if rtpmap else 16_000
    lines = f"m=audio 0 RTP/AVP 97\na=rtpmap:97 {rtpmap or 'MPEG4-GENERIC/16000/1'}"
    lines += f"\na=fmtp:{number} {fmtp}" if fmtp else ""
    return Form(lines, clock, 97, [[pack(unit)] for unit in units])


def raw_form(rtpmap: str, units: list[bytes], clock: int = 8000, payload_type: int = 97) -> Form:
    lines = f"m=audio 0 RTP/AVP {payload_type}" + (f"\na=rtpmap:{payload_type} {rtpmap}" if rtpmap else "")
    return Form(lines, clock, payload_type, [[unit] for unit in units])


HBR = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408"


def aac_forms() -> Iterator[tuple[str, Form]]:
    units = encoded("aac", 16_000, frame=1024, bit_rate=64_000)
    yield (
        "AAC, sizes of 11 bits",
        aac_form(
            units, "sizelength=11;indexlength=5;indexdeltalength=5;config=1408", partial(with_header, size_bits=11)
        ),
    )
    yield (
        "AAC, sizes of 16 bits",
        aac_form(
            units, "sizelength=16;indexlength=0;indexdeltalength=0;config=1408", partial(with_header, size_bits=16)
        ),
    )
    yield "AAC, headers counted in bytes", aac_form(units, HBR, partial(with_header, told=2))
    yield "AAC, nothing told of it", aac_form(units, "", with_header)
    yield "AAC, told under another type", aac_form(units, HBR, with_header, number=104)
    yield "AAC, clock of half the rate", aac_form(units, HBR, with_header, "MPEG4-GENERIC/8000/1")
    yield "ADTS behind headers", aac_form(units, HBR, lambda unit: with_header(adts(unit)))
    yield "ADTS without headers", aac_form(units, HBR, adts)
    yield (
        "LATM, set up in the description",
        aac_form(units, "cpresent=0;object=2;config=400028103fc0", latm, "MP4A-LATM/16000"),
    )
    # Units of 1024 samples that are 2048 when they are heard (14496-3 1.6.5): as many tools write the set-up.
    half = encoded("aac", 24_000, frame=1024, bit_rate=64_000)
    for name, config, rate in (
        ("HE-AAC", "2b098800", 48_000),
        ("HE-AAC, clock of the half rate", "2b098800", 24_000),
        ("HE-AAC, told behind", "130856e598", 48_000),
        ("HE-AAC, told by the clock alone", "1308", 48_000),
    ):
        yield name, aac_form(half, HBR.replace("1408", config), with_header, f"MPEG4-GENERIC/{rate}/1")


def raw_forms() -> Iterator[tuple[str, Form]]:
    for bits, name, codec in (
        (2, "G726-16", "g726le"),
        (3, "AAL2-G726-24", "g726"),
        (4, "G726-32", "g726le"),
        (5, "AAL2-G726-40", "g726"),
    ):
        yield name, raw_form(f"{name}/8000", encoded(codec, 8000, bit_rate=bits * 8000))
    ulaw, alaw = encoded("pcm_mulaw", 8000), encoded("pcm_alaw", 8000)
    yield "type 0", raw_form("", ulaw, payload_type=0)
    yield "PCMU of 16 kHz", raw_form("PCMU/16000", encoded("pcm_mulaw", 16_000), 16_000)
    yield "ALAW", raw_form("ALAW", alaw)
    yield "G.711U", raw_form("G.711U/8000", ulaw)
    yield "G722", raw_form("G722/8000", encoded("g722", 16_000), payload_type=9)
    yield "G722 of 16 kHz", raw_form("G722/16000/1", encoded("g722", 16_000), 16_000)
    yield "L8", raw_form("L8/8000", encoded("pcm_u8", 8000))
    yield "L24", raw_form("L24/16000/1", encoded("pcm_s24be", 16_000), 16_000)
    yield "L16 of an odd rate", raw_form("L16/22050", encoded("pcm_s16be", 22_050), 22_050)
    yield "Opus in stereo", raw_form("opus/48000/2", encoded("libopus", 48_000, layout="stereo"), 48_000)
    yield "PCM as type 11", raw_form("PCM/48000", encoded("pcm_s16le", 48_000), 48_000, payload_type=11)
