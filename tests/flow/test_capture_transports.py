"""Cameras over UDP and TLS, and those that count receiver reports, through the real worker."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import logging
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import PATIENCE_S
from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.rtsp.server import missing_reason, serve
from vigilar.base.clock import SystemClock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.stop import Stop
from vigilar.capture.opener import open_source
from vigilar.capture.probe import Target, probe
from vigilar.capture.rtsp import client, udp
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.tls import FOLDER, pin_name
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.media.decode import Decoder
from vigilar.media.packets import Kind, Packet, RunStart, StreamRole


@dataclass
class Capture:
    """A worker on its thread, and what it handed over."""

    url: str
    intake: Intake
    items: list[RunStart | Packet] = field(default_factory=list)
    errors: list[CameraError] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        opener = partial(open_source, intake=self.intake)
        worker = CaptureWorker(
            StreamRole.MAIN, self.url, self._take, self._note, self.stop, SystemClock(), opener=opener
        )
        self.thread = threading.Thread(target=worker.run, name="capture test", daemon=True)

    def _take(self, item: RunStart | Packet) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def _note(self, connection: Connection) -> None:
        with self._changed:
            if connection.error:
                self.errors.append(connection.error)
            self._changed.notify_all()

    def wait(self, is_done: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        with self._changed:
            assert self._changed.wait_for(is_done, timeout_s), (len(self.items), self.errors)

    @property
    def runs(self) -> list[RunStart]:
        return [item for item in self.items if isinstance(item, RunStart)]

    def packets(self, kind: Kind = Kind.VIDEO) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet) and item.kind is kind]

    def wait_pictures(self, count: int) -> None:
        self.wait(lambda: len(self.packets()) >= count)


@contextlib.contextmanager
def capturing(url: str, intake: Intake) -> Iterator[Capture]:
    capture = Capture(url, intake)
    capture.thread.start()
    try:
        yield capture
    finally:
        capture.stop.set()
        capture.thread.join(PATIENCE_S)
        assert not capture.thread.is_alive()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures=30, sound=True)


@contextlib.contextmanager
def serving(clip: Path, fault: Fault | None = None, tls: ssl.SSLContext | None = None) -> Iterator[FakeCamera]:
    with FakeCamera({"main": (clip, fault or Fault())}, tls=tls) as camera:
        yield camera


UDP = partial(Intake, transport="udp")


@pytest.mark.parametrize("swap", [0.0, 20.0])
def test_pictures_and_sound_come_whole_over_udp(clip: Path, swap: float) -> None:
    with serving(clip, Fault(swap=swap)) as camera, capturing(camera.url("main"), UDP()) as capture:
        capture.wait(lambda: len(capture.packets()) >= 35 and len(capture.packets(Kind.AUDIO)) >= 10)
    assert len(capture.runs) == 1
    decoder = Decoder(capture.runs[0].video)
    assert sum(len(decoder.decode(packet)) for packet in capture.packets()) >= 30
    assert decoder.errors == 0


@pytest.mark.skipif(bool(missing_reason()), reason=missing_reason())
def test_server_of_others_is_recorded_over_udp(clip: Path) -> None:
    with serve({"main": str(clip)}) as server, capturing(server.url("main"), UDP()) as capture:
        capture.wait_pictures(35)
    assert len(capture.runs) == 1
    assert capture.errors == []


def test_camera_that_sends_from_other_ports_than_it_said_is_recorded(clip: Path) -> None:
    with serving(clip, Fault(udp="moves")) as camera, capturing(camera.url("main"), UDP()) as capture:
        capture.wait_pictures(60)
        assert camera.requests.count("PLAY") == 1
    assert len(capture.runs) == 1
    assert capture.errors == []


@pytest.mark.parametrize("length", ["swapped", "long", "short"])
def test_camera_that_tells_wrong_lengths_of_its_packets_is_recorded_whole(clip: Path, length: str) -> None:
    with serving(clip, Fault(length=length)) as camera, capturing(camera.url("main"), Intake()) as capture:
        capture.wait_pictures(35)
        assert camera.requests.count("PLAY") == 1
    assert len(capture.runs) == 1
    assert capture.errors == []
    decoder = Decoder(capture.runs[0].video)
    assert sum(len(decoder.decode(packet)) for packet in capture.packets()) == len(capture.packets())
    assert decoder.errors == 0


def test_losses_over_udp_are_counted_and_reported(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "EVERY_S", 0.5)
    with serving(clip, Fault(lose=10)) as camera, capturing(camera.url("main"), UDP()) as capture:
        capture.wait(lambda: any(len(report) == 32 and report[13:16] != b"\0\0\0" for _, report in camera.reports))
        capture.wait(lambda: {channel for channel, _ in camera.reports} == {1, 3})
        capture.wait_pictures(5)
    assert len(capture.runs) == 1


def test_camera_that_refuses_udp_is_taken_over_tcp(clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(clip, Fault(udp="refused")) as camera, capturing(camera.url("main"), UDP()) as capture:
        capture.wait_pictures(5)
    assert capture.errors == []
    assert "refuses UDP" in caplog.text
    assert camera.requests.count("DESCRIBE") == 1


def test_udp_that_does_not_arrive_falls_back_to_tcp(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "SILENT_S", 0.5)
    with serving(clip, Fault(udp="silent")) as camera, capturing(camera.url("main"), UDP()) as capture:
        capture.wait_pictures(5)
    [error] = capture.errors
    assert "no packet came" in str(error)
    assert error.kind is ErrorKind.TRANSIENT


@pytest.mark.long
def test_session_of_a_camera_that_counts_reports_only_goes_on(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limit and our pace a tenth of the real ones."""
    monkeypatch.setattr(client, "EVERY_S", 0.5)
    with serving(clip, Fault(report_s=3.0)) as camera, capturing(camera.url("main"), Intake()) as capture:
        capture.wait_pictures(60)
    assert len(capture.runs) == 1
    assert capture.errors == []


def test_refused_microphone_leaves_the_picture_and_a_note(clip: Path) -> None:
    intake = Intake()
    with serving(clip, Fault(bad_sound=500)) as camera, capturing(camera.url("main"), intake) as capture:
        capture.wait_pictures(5)
    assert capture.runs[0].audio is None
    assert capture.errors == []
    assert intake.memory.sound_note == "refused by the camera"


# TLS


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, in one PEM file."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    path: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def certify(
    folder: Path, name: str, signer: Signed | None = None, days: int = 10, address: str = "127.0.0.1"
) -> Signed:
    """A certificate for ``address``, signed by ``signer`` or by itself; one that has ended for negative ``days``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
    )
    certificate = builder.sign(signer.key if signer else key, hashes.SHA256())
    path = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Signed(certificate, key, path)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return certify(tmp_path_factory.mktemp("own"), "camera")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signed:
    """One that this host trusts."""
    found = certify(tmp_path, "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(found.path))
    return found


def pin_of(camera: FakeCamera, secrets_dir: Path) -> Path:
    return secrets_dir / FOLDER / pin_name("127.0.0.1", camera.port)


def refused(camera: FakeCamera, secrets_dir: Path) -> CameraError:
    with pytest.raises(CameraError) as caught:
        open_source(camera.url("main", "admin:hunter2"), Stop().wait, Intake(pins_dir=secrets_dir))
    assert camera.requests == []
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_encrypted_camera_is_recorded_and_its_certificate_pinned(clip: Path, own: Signed, tmp_path: Path) -> None:
    fault = Fault(user="admin", password="right")
    with serving(clip, fault, own.server()) as camera:
        with capturing(camera.url("main", "admin:right"), Intake(pins_dir=tmp_path)) as capture:
            capture.wait(lambda: len(capture.packets()) >= 35 and len(capture.packets(Kind.AUDIO)) >= 10)
        pin = pin_of(camera, tmp_path)
        assert pin.read_text().strip() == own.fingerprint
        assert stat.S_IMODE(pin.stat().st_mode) == 0o600
        with capturing(camera.url("main", "admin:right"), Intake(pins_dir=tmp_path)) as capture:
            capture.wait_pictures(3)
    assert len(capture.runs) == 1
    assert capture.errors == []


def test_changed_certificate_gets_no_login(clip: Path, own: Signed, tmp_path: Path) -> None:
    with serving(clip, tls=own.server()) as camera:
        pin = pin_of(camera, tmp_path)
        pin.parent.mkdir()
        pin.write_text("ab" * 32)
        error = refused(camera, tmp_path)
        assert "another certificate" in str(error)
        assert error.kind is ErrorKind.DENIED
        assert pin.read_text() == "ab" * 32


def test_certificate_that_the_host_trusts_needs_no_pin(
    clip: Path, authority: Signed, own: Signed, tmp_path: Path, free_tcp_port: int
) -> None:
    signed = certify(tmp_path, "camera", authority)
    with FakeCamera({"main": (clip, Fault())}, free_tcp_port, signed.server()) as camera:
        open_source(camera.url("main"), Stop().wait, Intake(pins_dir=tmp_path)).close()
        pin = pin_of(camera, tmp_path)
        assert pin.read_text() == "trusted by the host\n"
    with FakeCamera({"main": (clip, Fault())}, camera.port, own.server()) as other:
        assert "another certificate" in str(refused(other, tmp_path))


def test_pinned_camera_may_get_a_certificate_that_the_host_trusts(
    clip: Path, authority: Signed, tmp_path: Path
) -> None:
    signed = certify(tmp_path, "camera", authority)
    with serving(clip, tls=signed.server()) as camera:
        pin = pin_of(camera, tmp_path)
        pin.parent.mkdir()
        pin.write_text("ab" * 32)
        open_source(camera.url("main"), Stop().wait, Intake(pins_dir=tmp_path)).close()
        assert pin.read_text() == "trusted by the host\n"


@pytest.mark.parametrize(("days", "address"), [(-1, "127.0.0.1"), (10, "192.0.2.9")], ids=["ended", "other name"])
def test_signed_certificate_is_checked_as_the_host_does(
    clip: Path, authority: Signed, tmp_path: Path, days: int, address: str
) -> None:
    signed = certify(tmp_path, "camera", authority, days, address)
    with serving(clip, tls=signed.server()) as camera:
        error = refused(camera, tmp_path)
        assert "certificate is refused" in str(error)
        assert not pin_of(camera, tmp_path).exists()


def test_unreadable_pin_trusts_nobody(clip: Path, own: Signed, tmp_path: Path) -> None:
    with serving(clip, tls=own.server()) as camera:
        pin_of(camera, tmp_path).mkdir(parents=True)
        assert "cannot be read" in str(refused(camera, tmp_path))


def test_plain_camera_at_an_encrypted_address_is_named(clip: Path) -> None:
    with serving(clip) as camera, pytest.raises(CameraError) as caught:
        open_source(camera.url("main").replace("rtsp:", "rtsps:"), Stop().wait)
    assert caught.value.code in {"V-CAM-02", "V-CAM-01"}


def test_trying_a_camera_pins_nothing(clip: Path, own: Signed, tmp_path: Path) -> None:
    with serving(clip, tls=own.server()) as camera:
        assert probe(Target(camera.url("main")), notes_dir=tmp_path).ok
        assert not (tmp_path / FOLDER).exists()


@pytest.mark.parametrize(
    ("udp", "how", "stages"),
    [
        ("", "UDP, unencrypted", [True, True, True]),
        ("refused", "TCP, unencrypted", [True, True, True]),
        ("silent", "TCP, unencrypted", [True, True, False, True, True]),
    ],
)
def test_trying_a_camera_over_udp_tells_how_it_comes(clip: Path, udp: str, how: str, stages: list[bool]) -> None:
    with serving(clip, Fault(udp=udp)) as camera:
        report = probe(Target(camera.url("main"), transport="udp"))
    assert report.ok, report
    assert report.card is not None
    assert report.card.main.how.startswith(how)
    assert [stage.ok for stage in report.stages] == stages


def test_pin_is_told_in_the_log_without_secrets(
    clip: Path, own: Signed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(clip, Fault(user="a", password="hunter2"), own.server()) as camera:
        open_source(camera.url("main", "a:hunter2"), Stop().wait, Intake(pins_dir=tmp_path)).close()
    assert own.fingerprint in caplog.text
    assert "hunter2" not in caplog.text
