"""Pixels that are not square: in the parameter set, in the file, in stills and tiles."""

from __future__ import annotations

import io
import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clips import needs_h265, raw_packets
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.flow.test_capture_rtsp import capturing
from vigilar.media.bitstream import first_sps
from vigilar.media.decode import Decoder
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.sps import BadBitstream, parse_sps

SHAPES = [
    (704, 480, "40:33", (853, 480)),
    (352, 288, "12:11", (384, 288)),
    (640, 360, "1:1", (640, 360)),
    (960, 576, "8:9", (960, 648)),
    (320, 240, "2:1", (640, 240)),
]


def opened(data: bytes) -> Any:
    """A JPEG as libav reads it."""
    return av.open(io.BytesIO(data), format="mjpeg")


def make(path: Path, width: int, height: int, aspect: str, codec: str = "libx264") -> Path:
    with av.open(str(path), "w") as out:
        params = "keyint=5:bframes=0" + (":log-level=none" if codec == "libx265" else "")
        stream: Any = out.add_stream(codec, rate=10, options={f"{codec[3:]}-params": params, "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(aspect.replace(":", "/"))
        for number in range(10):
            picture = np.full((height, width, 3), 20 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        out.mux(stream.encode(None))
    return path


def codecs() -> list[object]:
    return ["libx264", pytest.param("libx265", marks=needs_h265())]


@pytest.mark.parametrize("codec", codecs())
@pytest.mark.parametrize(("width", "height", "aspect", "shown"), SHAPES)
def test_shape_is_kept_from_the_wire_to_file_and_still(
    tmp_path: Path, width: int, height: int, aspect: str, shown: tuple[int, int], codec: str
) -> None:
    clip = make(tmp_path / "clip.mp4", width, height, aspect, codec)
    with FakeCamera({"main": (clip, Fault())}) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 6)
    video = capture.runs[0].video
    assert video.pixel_aspect == Fraction(aspect.replace(":", "/"))
    assert video.shown_size == shown
    muxer = FragmentMuxer([video])
    fragments = [part for packet in capture.packets() for part in muxer.mux(packet)] + muxer.flush()
    assert (b"pasp" in muxer.init_segment) == (aspect != "1:1")
    path = tmp_path / "file.mp4"
    path.write_bytes(muxer.init_segment + b"".join(part.data for part in fragments))
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    (stream,) = json.loads(done.stdout)["streams"]
    assert (stream["width"], stream["height"], stream["sample_aspect_ratio"]) == (width, height, aspect)
    decoder = Decoder(video)
    picture = next(picture for packet in capture.packets() for picture in decoder.decode(packet))
    for max_width in (1280, 200):
        with opened(picture.to_jpeg(max_width)) as jpeg:
            size = jpeg.streams.video[0].codec_context
            assert size.width / size.height == pytest.approx(shown[0] / shown[1], rel=0.02)
    with opened(picture.to_tile(320)) as tile:
        frame = next(iter(tile.decode(video=0))).to_ndarray(format="gray")
    assert frame.shape == (192, 320)


def test_tile_of_wide_pixels_has_bars_where_the_shape_wants_them(tmp_path: Path) -> None:
    """352x288 of 12:11 is 4:3: bars left and right. The clip's second picture is not black."""
    source, raws = raw_packets(make(tmp_path / "clip.mp4", 320, 240, "2:1"))
    source.close()
    decoder = Decoder(source.streams[0])
    with capturing(f"file:{tmp_path / 'clip.mp4'}") as capture:
        capture.wait(lambda: len(capture.packets()) >= 6)
    pictures = [picture for packet in capture.packets() for picture in decoder.decode(packet)]
    with opened(pictures[4].to_tile(320)) as tile:
        frame = next(iter(tile.decode(video=0))).to_ndarray(format="gray")
    lit = np.argwhere(frame > 40)
    assert lit[:, 1].max() - lit[:, 1].min() == pytest.approx(319, abs=4)
    assert lit[:, 0].max() - lit[:, 0].min() == pytest.approx(119, abs=4)
    assert len(raws) == 10


@pytest.mark.parametrize("codec", codecs())
def test_aspect_that_makes_no_sense_is_square(tmp_path: Path, codec: str) -> None:
    source, _ = raw_packets(make(tmp_path / "clip.mp4", 320, 240, "999:7", codec))
    source.close()
    sps = first_sps(source.streams[0].codec, source.streams[0].setup)
    assert (sps.width, sps.height, sps.pixel_aspect) == (320, 240, Fraction(1))


@given(st.binary(min_size=2, max_size=120), st.sampled_from(["h264", "hevc"]))
def test_noise_as_parameter_set_raises_only_our_error(noise: bytes, codec: str) -> None:
    head = b"\x67\x64\x00\x1f" if codec == "h264" else b"\x42\x01"
    try:
        parse_sps(codec, head + noise)
    except BadBitstream:
        return
