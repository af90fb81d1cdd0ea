"""The RTSP session (RFC 2326): DESCRIBE, SETUP over the same TCP connection or UDP, PLAY, keep-alive, TEARDOWN.

Cameras are written from memory of the RFC. What VLC and FFmpeg take is taken here: a missing Session, the CSeq of
another request, URLs that must be guessed, strays between two messages.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence

from vigilar.base.errors import CameraError
from vigilar.capture.address_gate import Resolve
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import Address
from vigilar.capture.rtsp.auth import InTheClear, Login
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.login_note import LoginNotes
from vigilar.capture.rtsp.messages import (
    BadMessage,
    Response,
    Transport,
    dump_request,
    parse_rtp_times,
    parse_session,
    told_transport,
)
from vigilar.capture.rtsp.reports import EVERY_S, ReceiverStats
from vigilar.capture.rtsp.sdp import Description, Media, control_urls, parse_sdp, url_on
from vigilar.capture.rtsp.tls import open_tls
from vigilar.capture.rtsp.udp import SILENT_S, UdpStream, UdpStreams, usable_source
from vigilar.capture.rtsp.wire import Take, Wire, connect

logger = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 8.0
"""For all of the opening: the handshake has to be done by then, however many bytes a camera trickles."""

PATIENT_TIMEOUT_S = 30.0
"""For DESCRIBE and PLAY each, once a camera was too slow but answers OPTIONS: restreamers start their source first."""

SOUND_TIMEOUT_S = 2.5
"""For an answer about the sound, which must not cost the picture."""

SHORT_BODY_S = 1.0
"""After so long without a further byte a description is as long as it gets, whatever length was told."""

MIN_KEEP_ALIVE_S, MAX_KEEP_ALIVE_S = 0.5, 30.0
"""Some cameras tell the time-out of their sessions in thousandths of a second, or any number."""

USUAL_TIMEOUT_S = 60.0

_WRONG_URL = frozenset({400, 404, 451, 454, 459, 460})
"""Answers to a URL that is not what the camera calls its stream."""

_NO_SUCH_SESSION = 454
_WRONG_RANGE = frozenset({400, 455, 456, 457, 501, 551})
"""Answers to PLAY of cameras that know no range, or no such one."""

_NOT_BY_TCP = 461
_BEFORE_SET_UP = frozenset({"OPTIONS", "DESCRIBE"})
_NOT_BY_TRANSPORT = frozenset({401, 403, 404, 453})
"""Refusals of SETUP that another transport does not change."""


class Refused(CameraError):
    """The camera's answer to one of the steps is no."""

    def __init__(self, status: int, method: str) -> None:
        said = sentences.refused(status, method)
        super().__init__(str(said), kind=said.kind, next_step=said.next_step, code=said.code)
        self.status = status


class Unanswered(CameraError):
    """The camera is there, but the time for its answer is over."""

    def __init__(self, waited_s: float, has_answered: bool) -> None:
        said = sentences.slow(waited_s) if has_answered else sentences.unreachable("no answer in time")
        super().__init__(str(said), kind=said.kind, next_step=said.next_step, code=said.code)


class RtspClient:
    """One connection and its session. One thread opens, reads and closes it, but for ``hurry``."""

    def __init__(
        self,
        address: Address,
        wait: Callable[[float], bool],
        intake: Intake | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """Connects. ``resolve`` tells where to, for all connections of one opening. Raises CameraError."""
        self._address, self._wait = address, wait
        self._intake = intake or Intake()
        self._resolve = resolve or self._intake.gate.opening()
        self._memory = self._intake.memory
        self._deadline_s = time.monotonic() + OPEN_TIMEOUT_S
        self.wire = self._connect()
        self._login = Login(
            address.user, address.password, other_password=address.other_password, memory=self._memory.login
        )
        self._notes = LoginNotes(self._intake.pins_dir, self._intake.may_pin)
        self._is_known = self._is_udp_only = False
        self.banner = self.date = ""
        """What the camera calls itself before it lets anybody in, and its clock: headers of its answers."""
        self._cseq = 0
        self._unanswered: set[str] = set()
        self._bases = [address.url]
        self._aggregates = [address.url]
        self._aggregate = address.url
        self._session = self._other_session = self._source = ""
        self._timeout_s = USUAL_TIMEOUT_S
        self._keeps_with = "OPTIONS"
        self._may_get_parameter = True
        self._may_retry_keep = True
        self._is_asking = False
        self._next_ask_s = self._next_report_s = 0.0
        self._has_come: Callable[[], bool] = lambda: False
        self._waited_s = 0.0
        self._own_ssrc = secrets.randbits(32)
        self._reports: list[tuple[int, ReceiverStats]] = []
        self._takes: dict[int, Take] = {}
        self.udp: UdpStreams | None = None
        self.next_keep_s = 0.0

    def _note_login(self) -> None:
        """The login was taken."""
        self._is_known = True
        self._login.note_success()
        self._notes.remember(self._address, self._memory.login)

    @property
    def session_timeout_s(self) -> float:
        return self._timeout_s

    def describe(self) -> Description:
        """Raises CameraError."""
        if self._memory.is_slow:
            self._knock()
        try:
            answer = self._ask("DESCRIBE", [self._address.url], [("Accept", "application/sdp")])
        except Unanswered as error:
            self._memory.is_slow = True
            raise sentences.slow(self._waited_s) from error
        try:
            description = parse_sdp(answer.body)
        except BadMessage as error:
            raise sentences.not_rtsp() from error
        root, requested = self._address.root, self._address.url
        base = url_on(root, answer.find("content-base") or answer.find("content-location") or "")
        control = url_on(root, description.control) if "://" in description.control else ""
        self._bases = (
            [url for url in (base, control, requested) if url] if base else [requested, *filter(None, [control])]
        )
        self._source = description.source
        self._aggregates = [*control_urls(self._bases[:1], description.control, root), *self._bases]
        self._aggregate = self._aggregates[0]
        return description

    def _knock(self) -> None:
        """Ask what is answered at once by a camera that lives, so that a dead one is not waited for."""
        answer = self._ask_for("OPTIONS", self._address.url, [])
        if answer.status == 401 or 300 <= answer.status < 400:
            raise Refused(answer.status, "OPTIONS")
        self._deadline_s = time.monotonic() + PATIENT_TIMEOUT_S

    def set_up(self, media: Media, channel: int, take_rtp: Take, take_rtcp: Take, stats: ReceiverStats) -> Transport:
        """Ask for one stream on ``channel`` and the next; the camera may choose others. Packets come from ``play`` on.

        Raises CameraError.
        """
        urls = control_urls(self._bases, media.control, self._address.root)
        if (stream := self._open_udp(channel)) is not None:
            told = self._set_up_udp(stream, urls, is_first=channel == 0)
            if self.udp is not None and told is not None and told.channels is None:
                source = usable_source(told, self._resolve)
                self.udp.add(stream, told.server_ports, take_rtp, take_rtcp, stats, source)
                return told
        may_udp = not (channel or self._is_udp_only or self._memory.has_no_udp or self._address.is_tls)
        try:
            answer = self._ask(
                "SETUP", urls, [("Transport", f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}")]
            )
            told = told_transport(answer)
            if told.is_multicast and not channel:
                raise sentences.only_multicast()
            if told.is_multicast or (told.is_udp and may_udp):
                raise Refused(_NOT_BY_TCP, "SETUP")
        except Refused as error:
            if error.status != _NOT_BY_TCP or not may_udp:
                raise
            logger.warning("the camera refuses TCP; UDP is taken")
            self._is_udp_only = True
            return self.set_up(media, channel, take_rtp, take_rtcp, stats)
        rtp, rtcp = told.channels or (channel, channel + 1)
        if rtp in self._takes or rtcp in self._takes:  # it cannot mean the channels of the other stream
            rtp, rtcp = channel, channel + 1
        self._takes[rtcp], self._takes[rtp] = take_rtcp, take_rtp
        self._reports.append((rtcp, stats))
        return Transport((rtp, rtcp), None, told.ssrc)

    def _set_up_udp(self, stream: UdpStream, urls: list[str], is_first: bool) -> Transport | None:
        """What the camera answers to UDP; None when it is to be asked for TCP instead."""
        try:
            answer = self._ask("SETUP", urls, [("Transport", stream.asked)])
        except CameraError as error:
            stream.close()
            if not is_first or not isinstance(error, Refused) or error.status in _NOT_BY_TRANSPORT:
                raise
            logger.warning("the camera refuses UDP with status %d; TCP is taken", error.status)
            self._forget_udp()
            return None
        return told_transport(answer, self._source)

    def set_up_sound(self, media: Media, channel: int, take_rtp: Take, take_rtcp: Take, stats: ReceiverStats) -> str:
        """As ``set_up``, for sound, which the camera may refuse. Why there is none, empty when all is well.

        Raises CameraError only when the connection is lost.
        """
        deadline_s, self._deadline_s = self._deadline_s, min(self._deadline_s, time.monotonic() + SOUND_TIMEOUT_S)
        try:
            self.set_up(media, channel, take_rtp, take_rtcp, stats)
        except Unanswered:
            self._memory.note_sound_trouble()
            return "the camera does not answer when asked for it"
        except Refused as error:
            logger.warning("the camera refuses its sound with status %d; its picture comes without", error.status)
            return "refused by the camera"
        finally:
            self._deadline_s = deadline_s
        return ""

    def play(self, has_come: Callable[[], bool]) -> list[tuple[str, int]]:
        """URL and rtptime of each stream, as far as the camera tells. Raises CameraError.

        ``has_come`` tells whether packets come already: then the answer may be missing.
        """
        for channel, take in self._takes.items():
            self.wire.channels[channel] = take
        self.wire.is_playing = True
        if self._memory.is_slow:
            self._deadline_s = time.monotonic() + PATIENT_TIMEOUT_S
        self._has_come = has_come
        try:
            answer = self._play()
        except Unanswered:
            if not has_come():
                self._memory.is_slow = True
                raise
            answer = Response(200)
        now_s = time.monotonic()
        self._next_ask_s, self._next_report_s = now_s + self._keep_s, now_s + EVERY_S
        self.next_keep_s = min(self._next_ask_s, self._next_report_s)
        if self.udp is not None:
            self.udp.begin()
        return parse_rtp_times(answer.find("rtp-info") or "")

    def _play(self) -> Response:
        try:
            return self._ask("PLAY", self._aggregates, [("Range", "npt=0.000-")])
        except Refused as error:
            if error.status == _NO_SUCH_SESSION and self._other_session:
                self._session = self._other_session
            elif error.status not in _WRONG_RANGE:
                raise
            return self._ask("PLAY", self._aggregates, [])

    def hurry(self, is_watched: bool) -> None:
        """As ``Wire.hurry``. Any thread."""
        if self.udp is None:
            self.wire.hurry(is_watched)

    def keep_alive(self, now_s: float) -> None:
        """To be called when there are answers and from ``next_keep_s`` on: tells the camera that we are there, and
        looks at what came back.

        OPTIONS first, whose answer tells whether GET_PARAMETER exists: some cameras end the connection on a method
        they do not know. Raises CameraError.
        """
        if self.wire.answers:
            for answer in self.wire.answers:
                self._take_kept(answer)
            self.wire.answers.clear()
        # Whoever set ``next_keep_s`` back wants an answer now.
        is_wanted = self.next_keep_s <= now_s < min(self._next_ask_s, self._next_report_s)
        if now_s >= self._next_report_s:
            self._next_report_s = now_s + EVERY_S
            self._send_reports()
        if is_wanted or now_s >= self._next_ask_s:
            if self._is_asking and self._keeps_with != "OPTIONS":
                self._keep_with_options()  # it offers the method and never answers to it
            self._next_ask_s, self._is_asking = now_s + self._keep_s, True
            self.wire.send(self._request(self._keeps_with, self._aggregate, []))
        self.next_keep_s = min(self._next_ask_s, self._next_report_s)

    def close(self) -> None:
        """Say good-bye without waiting for an answer."""
        if self._session or self.wire.is_playing:
            self.wire.send_last(self._request("TEARDOWN", self._aggregate, []))
        if self.udp is not None:
            self.udp.close()
        self.wire.close()

    @property
    def _keep_s(self) -> float:
        return min(max(MIN_KEEP_ALIVE_S, self._timeout_s / 2), MAX_KEEP_ALIVE_S)

    def _connect(self) -> Wire:
        address = self._address
        sock = connect(address.host, address.port, self._deadline_s, self._is_stopped, self._resolve)
        if not address.is_tls:
            return Wire(sock)
        return open_tls(sock, address, self._intake, self._deadline_s, self._is_stopped, self._resolve)

    # UDP

    def _open_udp(self, channel: int) -> UdpStream | None:
        """A pair of ports for the next stream; None where TCP is to be taken."""
        is_wanted = self._intake.transport == "udp" or self._is_udp_only
        wants = is_wanted and not self._memory.has_no_udp and not self._address.is_tls
        if not wants or (self.udp is None and channel > 0):
            return None
        if self.udp is None:
            self.udp = UdpStreams(self.wire.peer)
        return self.udp.open()

    def _forget_udp(self) -> None:
        if self.udp is not None:
            self.udp.close()
            self.udp = None

    def fill(self) -> int:
        """As ``Wire.fill``; over UDP for the answers beside the packets. Raises CameraError."""
        if self.udp is None:
            return self.wire.fill()
        count, has_answer = self.udp.wait_and_take(self.wire.fileno())
        if self.udp.is_silent():
            self._memory.has_no_udp = True
            raise sentences.no_udp(SILENT_S)
        return count + self.wire.fill() if has_answer else count

    # Signs of life

    def _send_reports(self) -> None:
        for channel, stats in self._reports:
            report = stats.report(self._own_ssrc)
            self.wire.send(bytes((0x24, channel)) + len(report).to_bytes(2, "big") + report)
        if self.udp is not None:
            self.udp.send_reports(self._own_ssrc)

    def _take_kept(self, answer: Response) -> None:
        self._is_asking = False
        self._note_session(answer)
        if answer.status == 401 and self._may_retry_keep:
            self._may_retry_keep = False
            self._challenge(answer)
            self._next_ask_s = 0.0
        elif answer.status == 200:
            self._may_retry_keep = True
            if self._may_get_parameter and "GET_PARAMETER" in (answer.find("public") or "").upper():
                self._keeps_with = "GET_PARAMETER"
        elif self._keeps_with != "OPTIONS":
            self._keep_with_options()
            self._next_ask_s = 0.0  # what was refused may not have counted as a sign of life

    def _keep_with_options(self) -> None:
        """From now on, though the camera goes on offering GET_PARAMETER."""
        self._keeps_with, self._may_get_parameter = "OPTIONS", False

    # Questions and answers

    def _ask(self, method: str, urls: Sequence[str], fields: list[tuple[str, str]]) -> Response:
        """The answer, if it is a success; later ``urls`` are tried when the camera does not know the first.

        Raises CameraError.
        """
        status = 0
        for url in urls:
            answer = self._ask_for(method, url, fields)
            status = answer.status
            if 200 <= status < 300:
                if method == "PLAY":
                    self._aggregate = url
                return answer
            if status not in _WRONG_URL or method == "DESCRIBE" or (method == "PLAY" and status == _NO_SUCH_SESSION):
                break
        raise Refused(status, method)

    def _ask_for(self, method: str, url: str, fields: list[tuple[str, str]]) -> Response:
        """The answer to one URL. Raises CameraError.

        A wrong password is sent once, but for a second way to read it or to protect it, tried once: cameras lock after
        a few. An answer of 401 to a request without a login, or because only its nonce is too old, or once after the
        password has proved right, is no attempt.
        """
        may_retry, is_challenged = True, False
        while True:
            had_login = self._login.answer(method, url) is not None
            try:
                self.wire.send(self._request(method, url, fields))
                answer = self._await_answer()
            except CameraError as error:
                if not is_challenged or method not in _BEFORE_SET_UP or not sentences.is_ended(error):
                    raise
                is_challenged = False
                self.wire.close()
                self.wire = self._connect()  # it hangs up after each refusal
                continue
            self._note_headers(answer)
            if answer.status == 401 and self._address.user:
                is_stale, is_challenged = self._challenge(answer), True
                if not had_login:
                    continue
                if may_retry and (is_stale or self._is_known):
                    may_retry = False
                    continue
                self._memory.login.refused += not self._is_known
                if not self._is_known and self._login.try_otherwise():
                    continue
            if 200 <= answer.status < 300:
                if had_login:
                    self._note_login()
                self._note_session(answer)
            return answer

    def _note_headers(self, answer: Response) -> None:
        self.date = answer.find("date") or self.date
        if not self.banner:
            self.banner = " ".join(filter(None, (answer.find("server"), answer.find("www-authenticate"))))

    def _note_session(self, answer: Response) -> None:
        """The first id stays in force: some cameras name another one with each answer, and know only the first."""
        text = answer.find("session")
        if text is None:
            return
        name, timeout_s = parse_session(text)
        if not self._session:
            self._session = name
        elif name != self._session:
            self._other_session = name
            return
        self._timeout_s = timeout_s or self._timeout_s

    def _challenge(self, answer: Response) -> bool:
        asked = answer.fields.get("www-authenticate", [])
        if any("basic" in header.lower() for header in asked):  # not for others: it asks the disk
            self._notes.recall(self._address, self._memory.login)
        try:
            return self._login.challenge(asked)
        except BadMessage as error:
            raise sentences.login_refused() from error
        except InTheClear as error:
            raise sentences.login_in_the_clear() from error

    def _request(self, method: str, url: str, fields: list[tuple[str, str]]) -> bytes:
        self._cseq += 1
        own = [("Session", self._session)] if self._session and method != "DESCRIBE" else []
        login = self._login.answer(method, url)
        if login:
            own.append(("Authorization", login))
        return dump_request(method, url, self._cseq, [*fields, *own])

    def _await_answer(self) -> Response:
        """The next final answer that is not one to a request given up before: only one request waits, so cameras that
        send the CSeq of another one mean this."""
        wire = self.wire
        asked_s = heard_s = time.monotonic()
        while True:
            try:
                if wire.fill():
                    heard_s = time.monotonic()
                wire.takes_short_body = time.monotonic() - heard_s > SHORT_BODY_S
                wire.take()
            except BadMessage as error:
                raise sentences.not_rtsp(is_web=wire.is_web) from error
            except CameraError as error:
                if wire.has_answered or wire.leftover_bytes or not sentences.is_ended(error):
                    raise
                raise sentences.not_rtsp() from error  # it hung up on a question: whatever it is, it speaks no RTSP
            while wire.answers:
                answer = wire.answers.pop(0)
                cseq = answer.find("cseq") or ""
                if cseq in self._unanswered and cseq != str(self._cseq):
                    self._unanswered.discard(cseq)
                elif answer.status >= 200:
                    return answer
            if self._is_stopped():
                raise sentences.stopped()
            now_s = time.monotonic()
            if now_s > self._deadline_s or (now_s - asked_s > SOUND_TIMEOUT_S and self._has_come()):
                self._unanswered.add(str(self._cseq))
                self._waited_s = now_s - asked_s
                raise Unanswered(self._waited_s, wire.has_answered)

    def _is_stopped(self) -> bool:
        return self._wait(0.0)
