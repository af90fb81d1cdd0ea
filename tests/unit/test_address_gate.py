"""Where a camera may be, and that what was checked is where the connection goes."""

from __future__ import annotations

import socket
import time

import pytest

from tests.fakes.rtp import SDP
from tests.fakes.scripted_camera import ScriptedCamera
from tests.fakes.scripted_camera import answer as scripted
from tests.ports import free_port
from vigilar.base.errors import CameraError
from vigilar.capture.address_gate import AddressGate, Place, look_up
from vigilar.capture.opener import open_source
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.sentences import NotThere
from vigilar.capture.rtsp.wire import connect


def place(address: str, port: int = 554) -> Place:
    if ":" in address:
        return Place(socket.AF_INET6, (address, port, 0, 0))
    return Place(socket.AF_INET, (address, port))


def gate(*addresses: str, **rules: object) -> AddressGate:
    """A gate for a name that means these."""
    return AddressGate(look_up=lambda _host, port: [place(one, port) for one in addresses], **rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    ["192.168.1.20", "10.1.2.3", "172.31.0.9", "169.254.7.7", "127.0.0.1", "fd12:3456::9", "fe80::1", "::1",
     "::ffff:192.168.1.20"],
)  # fmt: skip
def test_addresses_of_a_house_pass(address: str) -> None:
    assert gate(address).resolve("camera", 554) == [place(address)]


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1", "192.0.2.9", "198.18.0.1", "2001:4860::8888",
     "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)  # fmt: skip
def test_public_address_needs_the_owners_word(address: str) -> None:
    with pytest.raises(CameraError, match="not in your home network") as caught:
        gate(address).resolve("camera", 554)
    assert caught.value.code == "V-CAM-13"
    assert "allow_public" in caught.value.next_step
    assert gate(address, may_be_public=True).resolve("camera", 554) == [place(address)]


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "169.254.170.2", "fd00:ec2::254",
     "100.100.100.200", "0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "239.255.255.250", "ff02::1",
     "255.255.255.255", "240.0.0.1"],
)  # fmt: skip
def test_what_is_no_camera_is_refused_whatever_is_allowed(address: str) -> None:
    with pytest.raises(CameraError, match="cannot be a camera's") as caught:
        gate(address, may_be_public=True).resolve("camera", 554)
    assert caught.value.code == "V-CAM-13"


@pytest.mark.parametrize("host", ["0", "0x0", "0.0.0.0", "00.0"])
def test_other_spellings_of_nobody_are_looked_through(host: str) -> None:
    with pytest.raises(CameraError, match="cannot be a camera's"):
        AddressGate().resolve(host, 554)


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
def test_other_spellings_of_a_cloud_service_are_looked_through(host: str) -> None:
    with pytest.raises(CameraError, match="cannot be a camera's"):
        AddressGate().resolve(host, 80)


def test_one_bad_address_of_a_name_refuses_the_name() -> None:
    with pytest.raises(CameraError, match="not in your home network"):
        gate("192.168.1.20", "203.0.113.7").resolve("camera", 554)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "localhost", "::1", "2130706433"])
def test_own_services_are_no_camera(host: str) -> None:
    rule = AddressGate(own_ports=frozenset({49735, 18830}))
    for port in (49735, 18830):
        with pytest.raises(CameraError, match="points back at this box"):
            rule.resolve(host, port)
    assert rule.resolve(host, 8554)


def test_own_port_of_another_machine_is_its_own() -> None:
    rule = AddressGate(own_ports=frozenset({49735}))
    assert rule.resolve("192.168.253.253", 49735)


@pytest.mark.parametrize("port", [22, 25, 1883, 3493, 5432])
def test_port_of_another_service_is_refused(port: int) -> None:
    with pytest.raises(CameraError, match=f"Port {port} belongs"):
        gate("192.168.1.20").resolve("camera", port)


def test_name_means_the_same_at_every_port_of_an_opening() -> None:
    answers = iter(["192.168.1.20", "203.0.113.7"])
    resolve = AddressGate(
        look_up=lambda _host, port: [place(next(answers), port)], own_ports=frozenset({49735})
    ).opening()
    assert resolve("camera.home", 554) == [place("192.168.1.20", 554)]
    assert resolve("camera.home", 8554) == [place("192.168.1.20", 8554)]
    with pytest.raises(CameraError, match="another kind of service"):
        resolve("camera.home", 22)


def test_name_is_asked_once_for_an_opening_and_anew_for_the_next() -> None:
    """A name that means another machine a moment later (DNS rebinding) does not lead the opening there: not even the
    second connection, which is made because PLAY with sound was refused."""
    asked: list[str] = []

    def answer(host: str, port: int) -> list[Place]:
        asked.append(host)
        return look_up("127.0.0.1" if len(asked) == 1 else "203.0.113.7", port)

    with ScriptedCamera(sdp=SDP + "m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n") as camera:
        camera.special["PLAY"] = lambda request: scripted(request, 500)
        url = camera.url().replace("127.0.0.1", "camera.home")
        intake = Intake(gate=AddressGate(look_up=answer))
        with pytest.raises(CameraError, match="refuses to begin the stream"):
            open_source(url, lambda _s: False, intake)
        assert camera.methods.count("PLAY") == 2
        assert asked == ["camera.home"]
        with pytest.raises(CameraError, match="not in your home network"):
            open_source(url, lambda _s: False, intake)
        assert camera.methods.count("PLAY") == 2


@pytest.mark.parametrize(("host", "is_by_name"), [("127.0.0.1", False), ("localhost", True)])
def test_who_finds_nobody_there_says_whether_a_name_server_was_asked(host: str, is_by_name: bool) -> None:
    with pytest.raises(NotThere) as raised:
        connect(host, free_port(), time.monotonic() + 5.0, lambda: False)
    assert raised.value.is_by_name == is_by_name
