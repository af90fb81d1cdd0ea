"""Small pictures for slow links: what comes out, how much, and in which shape."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.fakes.clips import make_clip, needs_h265, raw_packets
from tests.recording_kit import read_clip
from vigilar.capture.timestamps import StampGate
from vigilar.media.bitstream import annex_b, parameter_sets
from vigilar.media.decode import Decoder
from vigilar.media.encode import ClipWriter
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Kind, Packet, StreamInfo
from vigilar.media.transcode import NARROW, Transcoder


def packets_of(path: Path) -> tuple[StreamInfo, list[Packet]]:
    source, raws = raw_packets(path)
    source.close()
    gate = StampGate(1, source.streams[0].frame_rate)
    packets = [p for raw in raws for p in gate.pass_on(raw, 10**18, 10**9)] + gate.flush()
    return source.streams[0], [packet for packet in packets if packet.kind is Kind.VIDEO]


def written(path: Path, info: StreamInfo | None, packets: list[Packet]) -> str:
    """Codec, profile, size and frames of what was made, as ffprobe reads it without complaint."""
    assert info is not None
    muxer = FragmentMuxer([info], per_frame=True)
    path.write_bytes(muxer.init_segment + b"".join(one.data for packet in packets for one in muxer.mux(packet)))
    entries = "stream=codec_name,profile,width,height,nb_read_frames"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", entries, "-of", "csv=p=0", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@needs_h265()
def test_h265_becomes_h264_that_every_browser_plays(tmp_path: Path) -> None:
    info, packets = packets_of(make_clip(tmp_path / "in.mp4", h265=True))
    assert info.codec == "hevc"
    maker = Transcoder(info)
    made = [one for packet in packets for one in maker.transcode(packet, is_newest=True)]
    assert written(tmp_path / "out.mp4", maker.info, made) == "h264,Constrained Baseline,320,180,20"
    assert made[0].is_keyframe
    assert [one.utc_ns for one in made] == [one.utc_ns for one in packets]


def test_large_pictures_become_small_and_few(tmp_path: Path) -> None:
    """Twenty a second of which nothing can be foretold: the worst for an encoder."""
    rng = np.random.default_rng(3)
    with ClipWriter(tmp_path / "in.mp4", 1280, 720, 20, 20) as clip:
        for _ in range(60):
            clip.write(rng.integers(0, 255, (720, 1280, 3), np.uint8))
    clip_read = read_clip(tmp_path / "in.mp4")
    maker = Transcoder(clip_read.streams[0])
    made = [one for packet in clip_read.video for one in maker.transcode(packet, is_newest=True)]
    assert 28 <= len(made) <= 32
    assert sum(len(one.data) for one in made[10:]) * 8 / 2 < 1.5 * NARROW.most_bits_per_s
    assert written(tmp_path / "out.mp4", maker.info, made).startswith(f"h264,Constrained Baseline,{NARROW.width},360,")


def test_what_is_not_the_newest_is_left_out(tmp_path: Path) -> None:
    info, packets = packets_of(make_clip(tmp_path / "in.mp4"))
    maker = Transcoder(info)
    assert [maker.transcode(packet, is_newest=False) for packet in packets[:-1]] == [[]] * 19
    (only,) = maker.transcode(packets[-1], is_newest=True)
    assert only.is_keyframe
    assert only.utc_ns == packets[-1].utc_ns


@pytest.mark.parametrize(("shape", "size"), [(Fraction(16, 11), (464, 288)), (Fraction(12, 11), (384, 288))])
def test_pixels_that_are_not_square_keep_their_shape(tmp_path: Path, shape: Fraction, size: tuple[int, int]) -> None:
    """An analog camera behind an encoder sends 352 columns for a picture that is wider, or half as wide, again."""
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = (320 if size[0] == 464 else 352), 288, "yuv420p"
        stream.codec_context.sample_aspect_ratio = shape
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((288, stream.width, 3), np.uint8))))
        container.mux(stream.encode(None))
    info, packets = packets_of(path)
    setup = annex_b(parameter_sets("h264", packets[0].data)) or info.setup
    decoder = Decoder(StreamInfo(Kind.VIDEO, "h264", info.time_base, setup, info.width, info.height))
    (picture,) = decoder.decode(packets[0])[:1]
    jpeg = tmp_path / "still.jpg"
    jpeg.write_bytes(picture.to_jpeg())
    with av.open(str(jpeg)) as still:
        found = still.streams.video[0]
        assert (found.width, found.height) == size
