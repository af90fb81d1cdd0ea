"""An open camera as an iterator of raw packets, for ``capture.worker``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial

from vigilar.base.errors import CameraError
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import BadAddress, parse_address
from vigilar.capture.rtsp.client import RtspClient
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.sdp import Description, Media, decode_sets
from vigilar.capture.rtsp.sound import MakeSoundCoder, SoundTrack, make_sound_track
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.video import USUAL_RATE, VideoTrack
from vigilar.media.bitstream import annex_b, first_sps
from vigilar.media.packets import Kind, RawPacket, StreamInfo
from vigilar.media.sps import BadBitstream, Sps

SETTLE_S = 3.0
"""So long at most each packet wakes the thread after the start, until picture and sound have their places."""

ASK_S = 5.0
"""A camera that is silent for this long is asked for a sign of life."""

CODECS = {"H264": "h264", "H265": "hevc"}
_VIDEO_NAMES = {**CODECS, "JPEG": "mjpeg", "MP4V-ES": "mpeg4", "H263-1998": "h263", "H266": "vvc", "MP2T": "mpegts"}
"""Encodings of RFC 6184, RFC 7798 and others by libav's names."""


class RtspSource:
    """An open camera. One thread opens, reads and closes it; ``hurry`` is for any thread.

    ``streams`` is video first, then sound if there is any, always as AAC. Iterating gives packets until the stop or
    CameraError, and None when there is nothing more for now: each time the reader is about to wait, so that the caller
    can see to its batch and its watchdog. While nobody is in a hurry packets come in batches, five times a second.
    Silence is no end (measured: a camera that hung for four seconds, its connection open, went on in the same stream).
    """

    def __init__(self, url: str, wait: Callable[[float], bool], make_sound_encoder: MakeSoundCoder) -> None:
        """``wait(seconds)`` waits and tells whether to stop. Raises CameraError, after OPEN_TIMEOUT_S at the latest."""
        try:
            address = parse_address(url)
        except BadAddress as error:
            raise sentences.unreadable_address() from error
        self._wait = wait
        self._out: list[RawPacket] = []
        self._sound: SoundTrack | None = None
        self._is_hurried = False
        self._is_settled = False
        self._heard_s = self._asked_s = time.monotonic()
        self._session = RtspClient(address, wait)
        try:
            self._begin(make_sound_encoder)
        except BaseException:
            self.close()
            raise

    def _begin(self, make_sound_encoder: MakeSoundCoder) -> None:
        session, out = self._session, self._out
        description = session.describe()
        media = _picture(description)
        heard = _sound(description)
        clock = media.clock or 90_000
        self._timeline = timeline = Timeline(clock, heard.clock if heard else 0)
        codec = CODECS[media.encoding]
        setup = _setup(codec, media)
        facts = _parse_sps(codec, setup)
        rate = media.rate or (facts.frame_rate if facts else None)
        stamps = DecodeStamps(clock, int(clock / (rate or USUAL_RATE)), facts.reorder_depth if facts else None)
        self._video = VideoTrack(codec, media.payload_type, clock, timeline, stamps, out)
        base = self._video.time_base
        width, height = (facts.width, facts.height) if facts else (0, 0)
        self.streams = [StreamInfo(Kind.VIDEO, codec, base, setup, width, height, rate)]
        session.wire.keep = self._video.keep
        channel = session.set_up(media, 0, self._video.add, partial(timeline.add_report, True))
        self._video.channel = channel
        session.wire.runs[channel] = self._video.run_on
        if heard is not None:
            self._sound = make_sound_track(heard, timeline, out, make_sound_encoder)
        if heard is not None and self._sound is not None:
            session.set_up(heard, 2, self._sound.add, partial(timeline.add_report, False))
            self.streams.append(self._sound.info)
        self._note_times(session.play(), media, heard)

    def _note_times(self, times: list[tuple[str, int]], media: Media, heard: Media | None) -> None:
        """RTP-Info names streams by URL; some cameras write these their own way, but keep to the order of set-up."""
        if heard is None or len(times) < 2:
            return
        by_control = [
            next((time for url, time in times if stream.control and url.endswith(stream.control)), None)
            for stream in (media, heard)
        ]
        if None in by_control:
            by_control = [times[0][1], times[1][1]]
        self._timeline.rtp_times = (by_control[0], by_control[1])

    @property
    def damaged(self) -> int:
        """Pictures left out because parts of them were lost."""
        return self._video.damaged

    @property
    def quiet_s(self) -> float:
        """Seconds since anything came."""
        return time.monotonic() - self._heard_s

    @property
    def odd_stamps(self) -> int:
        """Stamps that were put right."""
        return self._timeline.odd_stamps

    def hurry(self, is_watched: bool) -> None:
        """True hands each packet on at once, at the price of a wake-up for it; False five times a second."""
        self._is_hurried = is_watched
        if self._is_settled:
            self._session.wire.hurry(is_watched)

    def __iter__(self) -> Iterator[RawPacket | None]:
        wire, session, out = self._session.wire, self._session, self._out
        began_s = time.monotonic()
        while True:
            if out:
                yield from out
                out.clear()
                wire.forgive()
            yield None
            count = wire.fill()
            now_s = time.monotonic()
            if self._wait(0.0):
                return
            if count:
                self._heard_s = now_s
                wire.take()
            elif now_s - max(self._heard_s, self._asked_s) > ASK_S:
                self._asked_s = session.next_keep_s = now_s
            if wire.answers or now_s >= session.next_keep_s:
                session.keep_alive(now_s)
            if not self._is_settled:
                self._settle(now_s - began_s)

    def _settle(self, since_s: float) -> None:
        """The first picture and sound are taken as they come, as their arrival places them; then in batches."""
        timeline = self._timeline
        if since_s > SETTLE_S or (timeline.has_begun and (self._sound is None or timeline.is_anchored)):
            self._is_settled = True
            self._session.wire.hurry(self._is_hurried)

    def close(self) -> None:
        with contextlib.suppress(CameraError):
            self._session.close()
        if self._sound is not None:
            self._sound.close()


def _picture(description: Description) -> Media:
    videos = [media for media in description.media if media.kind == "video"]
    for media in videos:
        if media.encoding in CODECS and media.payload_type >= 0:
            return media
    raise sentences.no_picture([_VIDEO_NAMES.get(media.encoding, media.encoding.lower() or "none") for media in videos])


def _sound(description: Description) -> Media | None:
    """AAC if there is any, else the first."""
    sounds = [m for m in description.media if m.kind == "audio" and m.is_sent and m.payload_type >= 0]
    return next((m for m in sounds if m.encoding == "MPEG4-GENERIC"), sounds[0] if sounds else None)


def _setup(codec: str, media: Media) -> bytes:
    """The parameter sets of the description as Annex B, empty if it has none."""
    names = ("sprop-parameter-sets",) if codec == "h264" else ("sprop-vps", "sprop-sps", "sprop-pps")
    return annex_b(nal for name in names for nal in decode_sets(media.fmtp.get(name, "")))


def _parse_sps(codec: str, setup: bytes) -> Sps | None:
    with contextlib.suppress(BadBitstream):
        return first_sps(codec, setup) if setup else None
    return None
