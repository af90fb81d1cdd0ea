"""Pictures out of packets: views, clocks, damage, other bit depths, JPEG."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.conftest import PATIENCE_S, ROOT
from tests.fakes.clips import make_clip, make_refresh_clip, needs_h265, raw_packets
from vigilar.capture.timestamps import StampGate
from vigilar.detect.zones import is_inside
from vigilar.media.decode import Decoder, Picture
from vigilar.media.packets import Packet, StreamInfo
from vigilar.media.private_areas import covered_spans


@dataclass(frozen=True, slots=True)
class Taken:
    video: StreamInfo
    packets: list[Packet]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return taken(make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4"))


def taken(path: Path) -> Taken:
    source, raws = raw_packets(path)
    source.close()
    gate = StampGate(1, source.streams[0].frame_rate)
    packets = [p for n, raw in enumerate(raws) for p in gate.pass_on(raw, n * 10**8, n * 10**8)]
    return Taken(source.streams[0], packets + gate.flush())


def test_each_packet_gives_its_picture(clip: Taken) -> None:
    decoder = Decoder(clip.video)
    pictures = [decoder.decode(packet) for packet in clip.packets]
    assert [len(one) for one in pictures] == [1] * 20
    assert [one[0].utc_ns for one in pictures] == [packet.utc_ns for packet in clip.packets]


def test_luma_is_the_ramp_that_was_drawn(clip: Taken) -> None:
    (picture,) = Decoder(clip.video).decode(clip.packets[0])
    assert picture.luma.shape == (180, 320)
    assert picture.luma.dtype == np.uint8
    rising = np.diff(picture.luma[90, :200].astype(int))
    assert rising.mean() == pytest.approx(219 / 255, abs=0.1)


def test_damaged_packet_is_counted(clip: Taken) -> None:
    decoder = Decoder(clip.video)
    decoder.decode(replace(clip.packets[0], data=b"\0\0\0\1\x65" + bytes(50)))
    assert decoder.decode(clip.packets[10])


def test_jpeg_is_no_wider_than_asked(clip: Taken) -> None:
    (picture,) = Decoder(clip.video).decode(clip.packets[0])
    for width in (160, 5000):
        decoder: Any = av.CodecContext.create("mjpeg", "r")
        (shown,) = decoder.decode(av.Packet(picture.to_jpeg(width)))
        assert (shown.width, shown.height) == (min(width, 320), min(width, 320) * 9 // 16)


@needs_h265()
def test_making_pictures_starts_no_threads(clip: Taken) -> None:
    decoder = Decoder(clip.video)
    pictures = [picture for packet in clip.packets for picture in decoder.decode(packet)]
    before = set(Path("/proc/self/task").iterdir())
    made = [(p.to_jpeg(64), p.to_tile(64), p.crop_bgr((0.0, 0.0, 0.5, 0.5), (64, 64))) for p in pictures]
    assert len(made) > 3
    assert set(Path("/proc/self/task").iterdir()) <= before  # those of other tests may end meanwhile


def test_two_threads_make_others_of_one_picture_at_once() -> None:
    command = [sys.executable, "-m", "tests.picture_race"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (0, "all made\n"), done.stderr


def test_ten_bits_become_eight(tmp_path: Path) -> None:
    """H.265 of 10 bits holds two bytes a sample; what is looked at is uint8 all the same."""
    path = tmp_path / "deep.mp4"
    with av.open(str(path), "w") as out:
        options = {"preset": "ultrafast", "x265-params": "bframes=0:log-level=none"}
        stream = out.add_stream("libx265", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p10le"
        for number in range(12):
            grey = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 128, np.uint8), format="rgb24")
            grey.pts = number
            out.mux(stream.encode(grey.reformat(format="yuv420p10le")))
        out.mux(stream.encode(None))
    deep = taken(path)
    decoder = Decoder(deep.video)
    pictures = [picture for packet in deep.packets for picture in decoder.decode(packet)]
    assert pictures[0].luma.shape == (180, 320)
    assert 115 <= float(pictures[0].luma.mean()) <= 140
    assert pictures[0].to_jpeg(160).startswith(b"\xff\xd8")


@needs_h265()
def test_h265_decodes(tmp_path: Path) -> None:
    hevc = taken(make_clip(tmp_path / "clip.mp4", h265=True))
    decoder = Decoder(hevc.video)
    pictures: list[Picture] = [picture for packet in hevc.packets for picture in decoder.decode(packet)]
    assert len(pictures) >= 15
    assert pictures[0].luma.shape == (180, 320)


LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def shown(jpeg: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Luma of a JPEG."""
    context: Any = av.CodecContext.create("mjpeg", "r")
    (frame,) = context.decode(av.Packet(jpeg))
    return np.asarray(frame.to_ndarray(format="gray"))


def test_private_area_is_black_in_what_pictures_are_made_into(clip: Taken) -> None:
    """And in nothing that is decoded after them."""
    plain, hiding = Decoder(clip.video), Decoder(clip.video, private=lambda: (LEFT_HALF,))
    for packet in clip.packets[:5]:
        (here,), (there,) = plain.decode(packet), hiding.decode(packet)
        assert np.array_equal(here.luma, there.luma)
        for width in (160, 320, 1280):
            jpeg = shown(there.to_jpeg(width))
            half = jpeg.shape[1] // 2
            assert jpeg[:, : half - 8].max() < 30
            assert abs(int(jpeg[45, half + 20]) - int(shown(here.to_jpeg(width))[45, half + 20])) < 12
        tile = shown(there.to_tile(192))
        assert tile[:108, :90].max() < 30
        assert tile[50, 110:].max() > 60


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (640, 360)])
def test_covered_spans_touch_more_than_the_area_and_stay_in_the_picture(size: tuple[int, int]) -> None:
    width, height = size
    triangle = ((0.2, 0.1), (0.9, 0.5), (0.3, 1.0))
    spans = covered_spans((triangle,), width, height)
    assert all(0 <= row < height and 0 <= left <= right <= width for row, left, right in spans)
    covered = np.zeros((height, width), bool)
    for row, left, right in spans:
        covered[row, left:right] = True
    inside = [
        (x, y)
        for y in range(height)
        for x in range(width)
        if is_inside(triangle, ((x + 0.5) / width, (y + 0.5) / height))
    ]
    assert all(covered[y, x] for x, y in inside)
    assert covered.sum() <= len(inside) + 8 * (width + height)


@pytest.mark.parametrize("h265", [False, pytest.param(True, marks=needs_h265())])
def test_stream_joined_without_a_whole_picture_is_shown_at_once(tmp_path: Path, h265: bool) -> None:
    clip = taken(make_refresh_clip(tmp_path / "refresh.mp4", h265=h265))
    decoder = Decoder(clip.video)
    pictures = [decoder.decode(packet) for packet in clip.packets[20:]]
    assert [len(one) for one in pictures] == [1] * 40
