"""An open camera as an iterator of raw packets, for ``capture.worker``."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from vigilar.base.errors import CameraError, ErrorKind
from vigilar.capture.rate_cap import RateCap
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import BadAddress, parse_address
from vigilar.capture.rtsp.client import Refused, RtspClient
from vigilar.capture.rtsp.first_sound import FirstSound
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.mark_note import MarkNote
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.reports import ReceiverStats
from vigilar.capture.rtsp.sdp import Description, Media, decode_sets, microphones
from vigilar.capture.rtsp.sound import RECORDABLE, MakeSoundCoder, Once, SoundTrack, make_sound_track
from vigilar.capture.rtsp.ssrc import SsrcGate
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.video import USUAL_RATE, VideoTrack
from vigilar.capture.rtsp.wire import Take, Wire
from vigilar.media.bitstream import annex_b, first_sps
from vigilar.media.packets import Kind, RawPacket, StreamInfo
from vigilar.media.sps import BadBitstream, Sps

logger = logging.getLogger(__name__)

FIRST_S = 0.5
"""So long each packet wakes the thread after the start: what is recorded first then waits for no batch."""

SETTLE_S = 4.0
"""So long at most each packet wakes the thread after the start, until picture and sound have their places."""

LEARN_S, LEARN_MOST_S = 1.5, 4.0
"""From the first picture on, and from PLAY on: for the set-up of sound that comes in band, with each unit or each
twentieth."""
STRAYS = 8
"""So many packets of the picture on a channel that was not agreed on, and none on its own: they are meant."""

MORE_S = 0.002
"""While somebody watches and a picture has come in part, its other packets are waited for so long: they are on their
way, and each that wakes the thread by itself costs as much as twenty together."""

NTP_EPOCH_S = 2_208_988_800
"""From 1900, where NTP begins, to 1970."""

QUIET_S = 5.0
"""Beyond the time-out of the session: cameras look for dead ones now and then."""

ASK_S = 5.0
"""A camera that is silent for this long is asked for a sign of life."""

CODECS = {"H264": "h264", "H265": "hevc", "HEVC": "hevc"}
_CONVERTED = "JPEG"
"""Taken where a camera has nothing else."""


class PictureTrack(Protocol):
    """What takes the packets of the picture, as ``VideoTrack``."""

    channel: int
    damaged: int
    lost: int

    def add(self, data: bytearray, begin: int, end: int) -> None: ...

    def run_on(self, data: bytearray, position: int, have: int, /) -> int: ...

    def keep(self) -> None: ...

    def is_next(self, sequence: int) -> bool: ...


MakeJpegTrack = Callable[[Media, Timeline, list[RawPacket]], tuple[PictureTrack, StreamInfo]]
"""Makes the track of an MJPEG camera, which is not loaded here. Raises CameraError."""


class _SoundTrouble(Exception):
    """The camera failed over its sound: to be opened again without."""

    def __init__(self, cause: CameraError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class RtspSource:
    """An open camera. One thread opens, reads and closes it; ``hurry`` is for any thread.

    ``streams`` is video first, then sound if there is any, always as AAC. Iterating gives packets until the stop or
    CameraError, and None when there is nothing more for now: each time the reader is about to wait, so that the caller
    can see to its batch and its watchdog. While nobody is in a hurry packets come in batches, five times a second.
    Silence is no end (measured: a camera that hung for four seconds, its connection open, went on in the same stream).
    """

    def __init__(
        self,
        url: str,
        wait: Callable[[float], bool],
        make_sound_encoder: MakeSoundCoder,
        intake: Intake | None = None,
        make_jpeg_track: MakeJpegTrack | None = None,
    ) -> None:
        """Without ``make_jpeg_track`` a camera that has nothing but MJPEG is refused.

        ``wait(seconds)`` waits and tells whether to stop. Raises CameraError, after OPEN_TIMEOUT_S at the latest, or
        PATIENT_TIMEOUT_S for each step of a camera that was slow before."""
        try:
            self._address = parse_address(url)
        except BadAddress as error:
            raise sentences.unreadable_address() from error
        self._wait = wait
        self._intake = intake or Intake()
        self._memory, self._mark_note = self._intake.memory, MarkNote(self._intake)
        self._make_sound_encoder, self._make_jpeg_track = make_sound_encoder, make_jpeg_track
        self._resolve = self._intake.gate.opening()
        self._out: list[RawPacket] = []
        self._sound: SoundTrack | None = None
        self._first_sound: FirstSound | None = None
        self._strays: Take = lambda *_: None
        self._gates: list[SsrcGate] = []
        self._is_hurried = False
        self._is_settled = False
        self._heard_s = self._asked_s = self.reported_mono_s = time.monotonic()
        if time.monotonic() < self._memory.quiet_until_s:
            raise sentences.leftovers()
        self._open()

    def _open(self) -> None:
        """With the sound if there is any; a camera that fails over its sound is asked once more without."""
        wants_sound = self._intake.wants_sound and self._memory.may_ask_for_sound
        try:
            self._try_to_open(wants_sound)
        except _SoundTrouble as trouble:
            self._memory.note_sound_trouble()
            logger.warning("the camera fails when its sound is asked for; its picture comes without: %s", trouble.cause)
            self._try_to_open(wants_sound=False)
            self._memory.sound_note = "the camera fails when it is asked for it"

    def _try_to_open(self, wants_sound: bool) -> None:
        self._out.clear()
        self._gates.clear()
        self._sound = self._first_sound = None  # of a try before
        self.opened_utc_s = time.time()
        """When the camera was asked; ``date_header`` is of that moment."""
        self._session = RtspClient(self._address, self._wait, self._intake, self._resolve)
        try:
            self._begin(wants_sound)
        except BaseException:
            self.close()
            raise

    def _begin(self, wants_sound: bool) -> None:
        session, out = self._session, self._out
        description = session.describe()
        media = _picture(description, takes_jpeg=self._make_jpeg_track is not None)
        heard = _sound(description) if wants_sound else None
        clock = media.clock or 90_000
        self._timeline = timeline = Timeline(clock, heard.clock if heard else 0)
        self._video, info = self._make_picture_track(media, timeline, out)
        self.streams = [info]
        session.wire.keep = self._video.keep
        channel = self._set_up_picture(media)
        self._video.channel = channel
        session.wire.runs[channel] = self._video.run_on
        self._strays = session.wire.on_stray = _Strays(
            media.payload_type, session.wire, self._video, self._gates[0]
        ).add
        if heard is None:
            self._memory.sound_note = self._note_of(description)
        else:
            self._add_sound(heard)
        self._note_times(self._play(), media, heard)
        self._cap = RateCap(self._intake.limit_bps, time.monotonic())
        self._learn_sound()

    def _make_picture_track(
        self, media: Media, timeline: Timeline, out: list[RawPacket]
    ) -> tuple[PictureTrack, StreamInfo]:
        clock = media.clock or 90_000
        if media.encoding == _CONVERTED and self._make_jpeg_track is not None:
            converted, info = self._make_jpeg_track(media, timeline, out)
            return converted, replace(info, width=media.size[0], height=media.size[1], frame_rate=media.rate)
        codec = CODECS[media.encoding]
        setup = _setup(codec, media)
        facts = _parse_sps(codec, setup)
        rate = media.rate or (facts.frame_rate if facts else None)
        stamps = DecodeStamps(clock, int(clock / (rate or USUAL_RATE)), facts.reorder_depth if facts else None)
        has_order_numbers = codec == "hevc" and media.fmtp.get("sprop-max-don-diff", "0") not in ("", "0")
        track = VideoTrack(
            *(codec, media.payload_type, clock, timeline, stamps, out),
            has_order_numbers=has_order_numbers,
            memory=self._memory,
        )
        track.has_fields = facts is not None and facts.has_fields
        width, height = (facts.width, facts.height) if facts else media.size
        return track, StreamInfo(Kind.VIDEO, codec, track.time_base, setup, width, height, rate)

    def _set_up_picture(self, media: Media) -> int:
        """The channel on which it comes; over UDP one that is not used."""
        stats = ReceiverStats(lambda: self._video.lost)
        take = self._gated(self._video.add, media, stats, self._video.is_next)
        told = self._session.set_up(media, 0, take, self._reported(True, stats), stats)
        self._gates[0].announce(told.ssrc)
        return told.channels[0] if told.channels else 0

    def _add_sound(self, heard: Media) -> None:
        """Ask for the sound, which never costs the picture. Raises _SoundTrouble when the camera hangs up on it."""
        track = make_sound_track(heard, self._timeline, self._out, self._make_sound_encoder)
        if track is None:
            self._memory.sound_note = f"{heard.encoding or 'a format without a name'}, which cannot be recorded"
            return
        stats = ReceiverStats()
        first = FirstSound(Once(track.add).add, self._timeline, heard.clock)
        take = self._astray(self._gated(first.add, heard, stats), heard)
        try:
            why = self._session.set_up_sound(heard, 2, take, self._reported(False, stats), stats)
        except CameraError as error:
            track.close()
            if sentences.is_ended(error):
                raise _SoundTrouble(error) from error
            raise
        if why:
            track.close()
            self._memory.sound_note = why
            return
        self._memory.sound_note = ""
        self._sound, self._first_sound = track, first
        self.streams.append(track.info)

    def _play(self) -> list[tuple[str, int]]:
        for gate in self._gates:
            gate.begin(frozenset(self._session.wire.leftover_ssrcs))
        try:
            return self._session.play(lambda: any(gate.taken for gate in self._gates))
        except CameraError as error:
            is_refused = isinstance(error, Refused) and error.kind is not ErrorKind.DENIED
            if self._sound is None or not (is_refused or sentences.is_ended(error)):
                raise
            raise _SoundTrouble(error) from error

    def _learn_sound(self) -> None:
        """Sound that tells its format in band is waited for a little: who records must know it before the first
        picture. Pictures that come meanwhile are kept. Raises CameraError."""
        session, sound = self._session, self._sound
        until_s, has_picture = time.monotonic() + LEARN_MOST_S, False
        while sound is not None and sound.is_guessed and time.monotonic() < until_s and not self._wait(0.0):
            if count := session.fill():
                self._cap.add(count, time.monotonic())
                session.wire.take()
            if self._first_sound is not None:
                self._first_sound.look()
            if self._out and not has_picture:
                has_picture, until_s = True, min(until_s, time.monotonic() + LEARN_S)
        if sound is not None:
            if sound.is_guessed and self._first_sound is not None:
                self._first_sound.give()
            sound.is_guessed = False
            self.streams[1] = sound.info

    def _gated(
        self, take: Take, media: Media, stats: ReceiverStats, is_next: Callable[[int], bool] = lambda _: False
    ) -> Take:
        give_up = None if self._memory.has_waited_out else self._give_up
        gate = SsrcGate(take, media.payload_type, stats, give_up, is_next=is_next)
        self._gates.append(gate)
        return gate.add

    def _astray(self, take: Take, heard: Media) -> Take:
        """Where the sound was agreed on, the picture may come: some cameras send each on the channel of the other."""
        gate, kind = self._gates[0], heard.payload_type
        gate.foreign_type = kind

        def look(data: bytearray, begin: int, end: int) -> None:
            if not gate.taken and end - begin > 12 and data[begin + 1] & 0x7F != kind:
                self._strays(data, begin, end)
            else:
                take(data, begin, end)

        return look

    def _give_up(self) -> None:
        """Raises CameraError, and leaves the camera alone until it has ended its earlier session. Once: if that did not
        help, the stream that came first is as good as the other."""
        self._memory.has_waited_out = True
        self._memory.quiet_until_s = time.monotonic() + self._session.session_timeout_s + QUIET_S
        raise sentences.leftovers()

    def _reported(self, is_video: bool, stats: ReceiverStats) -> Take:
        timeline = self._timeline

        def take(data: bytearray, begin: int, end: int) -> None:
            if end - begin > 12 and not 192 <= data[begin + 1] <= 223:
                self._strays(data, begin, end)
                return
            stats.note_report(data, begin, end)
            timeline.add_report(is_video, data, begin, end)
            if is_video:
                self.reported_mono_s = time.monotonic()

        return take

    def _note_of(self, description: Description) -> str:
        """Why there is no sound, when it was not asked for."""
        if not microphones(description):
            return ""
        return "switched off in the settings" if not self._intake.wants_sound else self._memory.sound_note

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
    def camera_utc_s(self) -> float | None:
        """What the camera's clock said at ``reported_mono_s``; None while no sender report has said anything."""
        ntp_s = self._timeline.video_report_s
        return None if ntp_s is None else ntp_s - NTP_EPOCH_S

    @property
    def is_udp(self) -> bool:
        """Whether its packets come over UDP."""
        return self._session.udp is not None

    @property
    def date_header(self) -> str:
        """The camera's clock as the header of an answer; empty without one."""
        return self._session.date

    @property
    def damaged(self) -> int:
        """Pictures left out because parts of them were lost."""
        return self._video.damaged

    @property
    def leftovers(self) -> int:
        """Packets of an earlier session that were dropped."""
        return sum(gate.dropped for gate in self._gates)

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
            self._session.hurry(is_watched)

    def __iter__(self) -> Iterator[RawPacket | None]:
        wire, session, out = self._session.wire, self._session, self._out
        began_s = time.monotonic()
        pause_s = 0.0
        try:
            while True:
                if out:
                    yield from out
                    out.clear()
                    wire.forgive()
                yield None
                if self._wait(pause_s):
                    break
                count = session.fill()
                now_s = time.monotonic()
                if count:
                    self._heard_s = now_s
                    self._cap.add(count, now_s)
                    wire.take()
                    self._mark_note.keep()
                elif now_s - max(self._heard_s, self._asked_s) > ASK_S:
                    self._asked_s = session.next_keep_s = now_s
                if wire.answers or now_s >= session.next_keep_s:
                    session.keep_alive(now_s)
                if self._first_sound is not None:
                    self._first_sound.look()
                if not self._is_settled:
                    self._settle(now_s - began_s)
                pause_s = MORE_S if self._is_hurried and count and not out else 0.0
        except CameraError:
            yield from self._rest()
            raise
        yield from self._rest()

    def _rest(self) -> list[RawPacket]:
        """What came before the end and was not handed on yet."""
        if self._first_sound is not None:
            self._first_sound.give()
        return self._out

    def _settle(self, since_s: float) -> None:
        """The first half second, and the first picture and sound whenever they come, is taken as it comes, as their
        arrival places them; then in batches."""
        timeline = self._timeline
        for gate in self._gates:
            gate.look()
        if since_s < FIRST_S:
            return
        if since_s > SETTLE_S or (timeline.has_begun and (self._sound is None or timeline.is_anchored)):
            self._is_settled = True
            self._session.hurry(self._is_hurried)

    def close(self) -> None:
        with contextlib.suppress(CameraError):
            self._session.close()
        if self._sound is not None:
            self._sound.close()


class _Strays:
    """Packets on channels that were not agreed on, or agreed on for the sound. When the picture comes on one of them,
    and nothing of it on its own, that is what the camera means; what came so far is kept. The sound is then where the
    picture should be."""

    def __init__(self, payload_type: int, wire: Wire, video: PictureTrack, gate: SsrcGate) -> None:
        self._payload_type, self._wire, self._video, self._gate = payload_type, wire, video, gate
        self._held: list[bytearray] = []
        self._channel = -1

    def add(self, data: bytearray, begin: int, end: int) -> None:
        if self._gate.taken or data[begin + 1] & 0x7F != self._payload_type:
            return
        channel = data[begin - 3]
        if channel != self._channel or bytes(data[begin + 8 : begin + 12]) in self._wire.leftover_ssrcs:
            self._held, self._channel = [], channel
        self._held.append(data[begin:end])
        if len(self._held) < STRAYS:
            return
        logger.warning("the picture comes on channel %d, which was not agreed on", channel)
        wire, agreed = self._wire, self._video.channel
        if wire.channels[channel] is not None and channel % 2 == agreed % 2 and max(channel, agreed) < 255:
            for one, other in ((channel, agreed), (channel + 1, agreed + 1)):
                wire.channels[one], wire.channels[other] = wire.channels[other], wire.channels[one]
            del wire.runs[agreed]
        wire.channels[channel], wire.runs[channel] = self._gate.add, self._video.run_on
        self._video.channel = channel
        held, self._held = self._held, []
        for packet in held:
            self._gate.add(packet, 0, len(packet))
        self._video.keep()


def _picture(description: Description, *, takes_jpeg: bool) -> Media:
    videos = [media for media in description.media if media.kind == "video"]
    for wanted in (frozenset(CODECS), frozenset({_CONVERTED} if takes_jpeg else ())):
        for media in videos:
            if media.encoding in wanted and media.payload_type >= 0:
                return media
    encodings = [media.encoding for media in videos]
    raise sentences.no_picture(encodings, has_sound=any(media.kind == "audio" for media in description.media))


def _sound(description: Description) -> Media | None:
    """AAC if there is any, else the first that can be recorded, else the first."""
    sounds = microphones(description)
    for wanted in (frozenset({"MPEG4-GENERIC"}), RECORDABLE):
        found = next((media for media in sounds if media.encoding in wanted), None)
        if found is not None:
            return found
    return sounds[0] if sounds else None


def _setup(codec: str, media: Media) -> bytes:
    """The parameter sets of the description as Annex B, empty if it has none."""
    names = ("sprop-parameter-sets",) if codec == "h264" else ("sprop-vps", "sprop-sps", "sprop-pps")
    return annex_b(nal for name in names for nal in decode_sets(media.fmtp.get(name, "")))


def _parse_sps(codec: str, setup: bytes) -> Sps | None:
    with contextlib.suppress(BadBitstream):
        return first_sps(codec, setup) if setup else None
    return None
