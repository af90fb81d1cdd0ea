"""The RTSP session (RFC 2326): DESCRIBE, SETUP over the same TCP connection, PLAY, keep-alive, TEARDOWN."""

from __future__ import annotations

import time
from collections.abc import Callable

from vigilar.base.errors import CameraError
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.address import Address
from vigilar.capture.rtsp.auth import Login
from vigilar.capture.rtsp.messages import (
    BadMessage,
    Response,
    dump_request,
    parse_channels,
    parse_rtp_times,
    parse_session,
)
from vigilar.capture.rtsp.sdp import Description, Media, control_url, parse_sdp
from vigilar.capture.rtsp.wire import Take, Wire, connect

OPEN_TIMEOUT_S = 8.0
"""For all of the opening: the handshake has to be done by then, however many bytes a camera trickles."""

MIN_KEEP_ALIVE_S = 1.0


class RtspClient:
    """One connection and its session. One thread opens, reads and closes it, but for ``wire.hurry``."""

    def __init__(self, address: Address, wait: Callable[[float], bool]) -> None:
        """Connects. Raises CameraError."""
        self._address, self._wait = address, wait
        self._deadline_s = time.monotonic() + OPEN_TIMEOUT_S
        self.wire = Wire(connect(address.host, address.port, self._deadline_s, self._is_stopped))
        self._login = Login(address.user, address.password)
        self._is_known = False
        self._cseq = 0
        self._base = self._aggregate = address.url
        self._session = ""
        self._timeout_s = 60.0
        self._keeps_with = "OPTIONS"
        self.next_keep_s = 0.0
        self._may_retry_keep = True

    def describe(self) -> Description:
        """Raises CameraError."""
        answer = self._ask("DESCRIBE", self._address.url, [("Accept", "application/sdp")])
        authority = self._address.authority
        base = answer.find("content-base") or answer.find("content-location") or ""
        is_plain = base.startswith("rtsp://") and all(" " < character < "\x7f" for character in base)
        self._base = control_url(self._address.url, base if is_plain else "", authority)
        try:
            description = parse_sdp(answer.body)
        except BadMessage as error:
            raise sentences.not_rtsp() from error
        self._aggregate = control_url(self._base, description.control, authority)
        return description

    def url_of(self, media: Media) -> str:
        return control_url(self._base, media.control, self._address.authority)

    def set_up(self, media: Media, channel: int, take_rtp: Take, take_rtcp: Take) -> int:
        """Ask for one stream on ``channel`` and the next; the camera may choose others. Returns that of RTP.

        Raises CameraError.
        """
        transport = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        fields = [("Transport", transport)]
        if self._session:
            fields.append(("Session", self._session))
        answer = self._ask("SETUP", self.url_of(media), fields)
        rtp, rtcp = parse_channels(answer.find("transport") or "", channel)
        self.wire.channels[rtcp] = take_rtcp
        self.wire.channels[rtp] = take_rtp
        try:
            self._session, self._timeout_s = parse_session(answer.find("session") or "")
        except BadMessage as error:
            raise sentences.not_rtsp() from error
        return rtp

    def play(self) -> list[tuple[str, int]]:
        """URL and rtptime of each stream, as far as the camera tells. Raises CameraError."""
        self.wire.is_playing = True
        answer = self._ask("PLAY", self._aggregate, [("Session", self._session), ("Range", "npt=0.000-")])
        self.next_keep_s = time.monotonic() + self._keep_s
        return parse_rtp_times(answer.find("rtp-info") or "")

    def keep_alive(self, now_s: float) -> None:
        """To be called when there are answers and from ``next_keep_s`` on: asks, and looks at what came back.

        OPTIONS first, whose answer tells whether GET_PARAMETER exists: some cameras end the connection on a method
        they do not know. Raises CameraError.
        """
        if self.wire.answers:
            for answer in self.wire.answers:
                self._take_kept(answer, now_s)
            self.wire.answers.clear()
        if now_s >= self.next_keep_s:
            self.next_keep_s = now_s + self._keep_s
            self._send(self._keeps_with, self._aggregate, [("Session", self._session)])

    def close(self) -> None:
        """Say good-bye without waiting for an answer."""
        if self._session:
            self.wire.send_last(self._request("TEARDOWN", self._aggregate, [("Session", self._session)]))
        self.wire.close()

    @property
    def _keep_s(self) -> float:
        return max(MIN_KEEP_ALIVE_S, self._timeout_s / 2)

    def _take_kept(self, answer: Response, now_s: float) -> None:
        if answer.status == 401 and self._may_retry_keep:
            self._may_retry_keep = False
            self._challenge(answer)
            self.next_keep_s = now_s
        elif answer.status == 200:
            self._may_retry_keep = True
            if "GET_PARAMETER" in (answer.find("public") or "").upper():
                self._keeps_with = "GET_PARAMETER"
        else:
            self._keeps_with = "OPTIONS"

    def _ask(self, method: str, url: str, fields: list[tuple[str, str]]) -> Response:
        """The answer, if it is a success. Raises CameraError.

        A wrong password is sent once: cameras lock after a few. An answer of 401 to a request without a login, or
        because only its nonce is too old, or once after the password has proved right, is no attempt.
        """
        may_retry = True
        while True:
            had_login = self._login.answer(method, url) is not None
            self._send(method, url, fields)
            answer = self._await_answer()
            if answer.status == 401 and may_retry and self._address.user:
                is_stale = self._challenge(answer)
                if not had_login:
                    continue
                may_retry = False
                if is_stale or self._is_known:
                    continue
            if not 200 <= answer.status < 300:
                raise sentences.refused(answer.status)
            self._is_known = self._is_known or had_login
            return answer

    def _challenge(self, answer: Response) -> bool:
        try:
            return self._login.challenge(answer.fields.get("www-authenticate", []))
        except BadMessage as error:
            raise sentences.login_refused() from error

    def _send(self, method: str, url: str, fields: list[tuple[str, str]]) -> None:
        self.wire.send(self._request(method, url, fields))

    def _request(self, method: str, url: str, fields: list[tuple[str, str]]) -> bytes:
        self._cseq += 1
        login = self._login.answer(method, url)
        return dump_request(method, url, self._cseq, [*fields, ("Authorization", login)] if login else fields)

    def _await_answer(self) -> Response:
        wire = self.wire
        while True:
            try:
                wire.fill()
                wire.take()
            except BadMessage as error:
                raise sentences.not_rtsp() from error
            except CameraError as error:
                if self._session:
                    raise
                raise sentences.not_rtsp() from error  # it hung up on a question: whatever it is, it speaks no RTSP
            while wire.answers:
                answer = wire.answers.pop(0)
                if answer.find("cseq") in {None, str(self._cseq)} and answer.status >= 200:
                    return answer
            if self._is_stopped():
                raise sentences.stopped()
            if time.monotonic() > self._deadline_s:
                raise sentences.unreachable("no answer in time")

    def _is_stopped(self) -> bool:
        return self._wait(0.0)
