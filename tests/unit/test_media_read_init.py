"""What an init segment says is read back as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clips import make_clip, needs_h265, raw_packets
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import StreamInfo
from vigilar.media.read_init import InitContent, read_init
from vigilar.media.sps import BadBitstream


def _streams(path: Path) -> list[StreamInfo]:
    source, _ = raw_packets(path)
    source.close()
    return source.streams


@pytest.mark.parametrize("sound", [False, True])
def test_h264_is_read_back(tmp_path: Path, sound: bool) -> None:
    muxer = FragmentMuxer(_streams(make_clip(tmp_path / "clip.mp4", sound=sound)))
    assert muxer.codecs.endswith("mp4a.40.2") is sound
    assert read_init(muxer.init_segment) == InitContent(muxer.codecs, 320, 180)


@needs_h265()
def test_h265_is_read_back(tmp_path: Path) -> None:
    muxer = FragmentMuxer(_streams(make_clip(tmp_path / "clip.mp4", h265=True)))
    assert muxer.codecs.startswith("hvc1.")
    assert read_init(muxer.init_segment) == InitContent(muxer.codecs, 320, 180)


def test_what_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    init = FragmentMuxer(_streams(make_clip(tmp_path / "clip.mp4"))).init_segment
    for broken in (b"", b"ftyp", init.replace(b"avc1", b"vp09"), init[: init.index(b"avcC") + 8]):
        with pytest.raises(BadBitstream):
            read_init(broken)
