"""What pictures cost that are encoded anew: ``python -m benchmarks.encode_cost``.

Processor time for each second of 1080p20 that is watched as the narrow stream, or in full with private areas black; for
each picture of an MJPEG camera that is recorded; and for each second of sound that becomes AAC. No peer and no
target: another box has other figures.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.clips import make_clips
from tests.fakes.jpeg_pictures import make_picture, to_jpeg
from tests.recording_kit import Clip, read_clip
from vigilar.media.audio import SoundEncoder
from vigilar.media.convert import CLOCK, MAX_FPS, JpegConverter
from vigilar.media.transcode import COVERED, NARROW, Make, Transcoder

SIZES = ((640, 480), (1280, 720), (1920, 1080))
PICTURES = 100
SOUND_S = 60


def main() -> int:
    clip = read_clip(make_clips(Path(__file__).parent / "results" / "clips").main)
    seconds = clip.duration_ns / 1e9
    for words, make in (("narrow", NARROW), ("in full, private areas black", COVERED)):
        mcore = 1000 * transcode(clip, make) / seconds
        sys.stdout.write(f"1080p20 {words}: {mcore:.0f} mcore\n")
    for width, height in SIZES:
        sys.stdout.write(f"MJPEG {width}x{height}: {1000 * convert(width, height) / PICTURES:.1f} ms a picture\n")
    sys.stdout.write(f"G.711 of 8 kHz to AAC: {1000 * encode_sound() / SOUND_S:.1f} mcore\n")
    return 0


def transcode(clip: Clip, make: Make) -> float:
    """Seconds of processor time for all of ``clip``."""
    maker = Transcoder(clip.streams[0], make=make)
    began_s = time.process_time()
    made = sum(len(maker.transcode(packet, is_newest=True)) for packet in clip.video)
    spent_s = time.process_time() - began_s
    maker.close()
    assert made > 0
    return spent_s


def convert(width: int, height: int) -> float:
    """Seconds of processor time for PICTURES of them."""
    jpegs = [to_jpeg(make_picture(width, height, 10 + 8 * shift)) for shift in range(10)]
    converter = JpegConverter(now=lambda: 0.0, used=lambda: 0.0)  # whatever it takes, none is left out
    began_s = time.process_time()
    made = sum(len(converter.encode(jpegs[n % 10], n * CLOCK // MAX_FPS)) for n in range(PICTURES))
    spent_s = time.process_time() - began_s
    assert made == PICTURES
    return spent_s


def encode_sound() -> float:
    """Seconds of processor time for SOUND_S of it, in packets of 20 ms."""
    packets = [bytes((37 * at * at + number) % 256 for at in range(160)) for number in range(50)]
    encoder = SoundEncoder("pcm_alaw", 8000, 1, b"")
    began_s = time.process_time()
    made = sum(len(list(encoder.encode(packets[n % 50], 160 * n))) for n in range(SOUND_S * 50))
    spent_s = time.process_time() - began_s
    encoder.close()
    assert made > 0
    return spent_s


if __name__ == "__main__":
    sys.exit(main())
