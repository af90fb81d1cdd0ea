"""Sends one e-mail an incident by SMTP; what the incident grows to comes in the same thread of the reader."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import ssl
import threading
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from vigilar.base.errors import VigilarError
from vigilar.base.outside import connect_outside
from vigilar.notify.outcome import ACCEPTED, Outcome, Result
from vigilar.notify.ways import EmailWay
from vigilar.store.deliveries import Delivery

TIMEOUT_S = 15.0
"""For each step; servers that check senders take some seconds for their greeting."""

TOTAL_S = 90.0
"""For a whole message: a server that says a line now and then does not keep us from the mails behind it."""


class EmailSender:
    """For one thread. A connection a message: there are few, and servers close idle ones."""

    def __init__(self, way: EmailWay) -> None:
        self._way = way

    def send(self, one: Delivery, now_ms: int) -> Outcome:
        try:
            server = self._open()
            try:
                if self._way.user:
                    _log_in(server, self._way.user, self._way.password)
                refused = server.send_message(message_of(one, self._way, now_ms))
            finally:
                _leave(server)
        except smtplib.SMTPAuthenticationError:
            return Outcome(Result.LATER, "The mail server refuses the login.", 60.0)
        except smtplib.SMTPRecipientsRefused:
            return Outcome(Result.FAILED, "The mail server takes none of the addresses.")
        except smtplib.SMTPNotSupportedError:
            return Outcome(
                Result.LATER, "The mail server does not offer what security in [notify.email] asks for.", 60.0
            )
        except smtplib.SMTPResponseException as error:
            if error.smtp_code < 100:
                return Outcome(
                    Result.UNREACHABLE,
                    "What answers there is no mail server: look at its name and port, and at security.",
                )
            is_for_good = 500 <= error.smtp_code < 600
            return Outcome(
                Result.FAILED if is_for_good else Result.LATER,
                f"The mail server does not take it: it answered {error.smtp_code}.",
            )
        except ssl.SSLCertVerificationError as error:
            return Outcome(Result.UNREACHABLE, f"The mail server's certificate is not good: {error.verify_message}.")
        except ssl.SSLError:
            return Outcome(
                Result.UNREACHABLE, "The mail server does not speak TLS there: look at its port and at security."
            )
        except VigilarError as error:
            return Outcome(Result.LATER, str(error), 60.0)
        except socket.gaierror:
            return Outcome(Result.UNREACHABLE, "The name of the mail server is not known.")
        except (OSError, smtplib.SMTPException):
            return Outcome(Result.UNREACHABLE, "The mail server does not answer.")
        if refused:
            return Outcome(Result.ACCEPTED, f"The mail server did not take {len(refused)} of the addresses.")
        return ACCEPTED

    def close(self) -> None:
        """Nothing stays open."""

    def _open(self) -> smtplib.SMTP:
        way = self._way
        if way.security == "tls":
            return _SealedMail(way.host, way.port, timeout=TIMEOUT_S, context=_context(way))
        server = _Mail(way.host, way.port, timeout=TIMEOUT_S)
        if way.security == "starttls":
            try:
                server.starttls(context=_context(way))
            except BaseException:
                server.close()
                raise
        return server


def _log_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """smtplib takes ASCII only; PLAIN is UTF-8 (RFC 4616), which the mechanisms before it do not say of themselves."""
    if (user + password).isascii():
        server.login(user, password)
        return
    server.ehlo_or_helo_if_needed()
    if not server.has_extn("auth"):
        raise smtplib.SMTPNotSupportedError("it offers no login")
    said = base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
    code, answer = server.docmd("AUTH", f"PLAIN {said}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _leave(server: smtplib.SMTP) -> None:
    """What a server says to the end changes nothing: the mail was taken before it, or was not."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


class _Mail(smtplib.SMTP):
    """Leaves the house as the unit of the service allows. ``_get_socket`` is where smtplib's own TLS class hooks in."""

    _watch: threading.Timer | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = connect_outside(host, port, timeout)
        self._watch = threading.Timer(TOTAL_S, self._hang_up)
        self._watch.daemon = True  # a stop of the process does not wait for it
        self._watch.start()
        return found

    def _hang_up(self) -> None:
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().close()


class _SealedMail(_Mail):
    def __init__(self, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        try:
            return self._context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            self.close()
            plain.close()
            raise


def message_of(one: Delivery, way: EmailWay, now_ms: int) -> EmailMessage:
    """Plain text. The id of the message is that of the delivery and its revision, so one that was sent twice after a
    crash is one to a reader that cares."""
    domain = way.sender.partition("@")[2]
    message = EmailMessage()
    title = " ".join(str(one.content["title"]).split())  # a line end would keep it from being made
    message["Subject"] = ("" if not one.is_critical else "URGENT: ") + title
    message["From"] = f"Vigilar <{way.sender}>"
    message["To"] = ", ".join(way.to)
    message["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC))
    message["Message-ID"] = f"<{one.token}.{one.revision}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers
    if one.revision > 1:
        message["In-Reply-To"] = message["References"] = f"<{one.token}.1@{domain}>"
    text = f"{one.content['title']}\n{one.content['body']}\n\nIn Vigilar at home: {one.content['path']}\n"
    message.set_content(text)
    return message


def _context(way: EmailWay) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if way.ca_file:
        context.load_verify_locations(way.ca_file)
    return context
