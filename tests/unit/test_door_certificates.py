"""The house's own certificates: what they are for, what they can never be for, and that they renew themselves."""

from __future__ import annotations

import base64
import ipaddress
import os
import plistlib
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import wait_until
from tests.ports import free_port
from vigilar.base.atomic import write_atomic
from vigilar.door import own_certificate
from vigilar.door.authority import (
    Address,
    Authority,
    issue_leaf,
    load_or_create_authority,
)
from vigilar.door.certificates import CertificateWish, ensure_certificate, own_addresses, own_names
from vigilar.door.haproxy import DoorSettings, door_command, find_haproxy, is_answering, write_door
from vigilar.door.keeper import CertificateKeeper, hand_over
from vigilar.door.own_certificate import MAX_PEM_BYTES, BadCertificate, OwnFiles, check_own, keep_own, read_own
from vigilar.door.places import ADMIN_SOCKET, certificates_dir, serving_file
from vigilar.door.trust import apple_profile, find_root

BEGIN = b"-----BEGIN CERTIFICATE-----"
NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
LAN = ipaddress.ip_address("192.168.1.20")
ADDRESSES: set[Address] = {LAN, ipaddress.ip_address("fd00::2"), ipaddress.ip_address("127.0.0.1")}


@pytest.fixture
def wish(tmp_path: Path) -> CertificateWish:
    return CertificateWish(secrets_dir=tmp_path / "secrets", names=("cams.example.net",))


def serving(wish: CertificateWish) -> x509.Certificate:
    return x509.load_pem_x509_certificates(serving_file(wish.secrets_dir).read_bytes())[0]


def addresses_of(certificate: x509.Certificate) -> set[Address]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {one for one in found.get_values_for_type(x509.IPAddress) if isinstance(one, Address)}


def openssl_accepts(folder: Path, pem: bytes, *, name: str = "", address: str = "") -> bool:
    """What an implementation by others says of a chain under the root of ``folder``."""
    chain = folder / "chain.pem"
    chain.write_bytes(pem)
    what = ["-verify_hostname", name] if name else ["-verify_ip", address]
    root = str(certificates_dir(folder) / "root.crt")
    when = ["-attime", str(int(NOW.timestamp())), "-purpose", "sslserver"]
    command = ["openssl", "verify", "-CAfile", root, "-untrusted", str(chain), *when, *what, str(chain)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class TestAuthority:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return load_or_create_authority(certificates_dir(tmp_path), ("cams.example.net",), NOW)

    def test_others_accept_what_it_is_for(self, tmp_path: Path, authority: Authority) -> None:
        pem = issue_leaf(authority, ("vigilar.local", "cams.example.net"), ADDRESSES, NOW)
        assert openssl_accepts(tmp_path, pem, name="vigilar.local")
        assert openssl_accepts(tmp_path, pem, name="cams.example.net")
        assert openssl_accepts(tmp_path, pem, address="192.168.1.20")
        assert openssl_accepts(tmp_path, pem, address="fd00::2")
        assert not openssl_accepts(tmp_path, pem, address="192.168.1.21")

    @pytest.mark.parametrize(
        ("names", "addresses"),
        [(["bank.example"], []), (["example.net"], []), ([], ["8.8.8.8"]), (["vigilar.local", "bank.example"], [])],
    )
    def test_stolen_key_signs_for_nothing_else(
        self, tmp_path: Path, authority: Authority, names: list[str], addresses: list[str]
    ) -> None:
        """Everything a thief finds on the box, used without our rules."""
        key = ec.generate_private_key(ec.SECP256R1())
        wanted = [*map(x509.DNSName, names), *(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses)]
        forged = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "thief")]))
            .issuer_name(authority.intermediate.subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
            .sign(authority.key, hashes.SHA256())
        )
        pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (forged, authority.intermediate))
        asked = {"name": names[0]} if names else {"address": addresses[0]}
        assert not openssl_accepts(tmp_path, pem, **asked)

    def test_key_of_the_root_is_nowhere(self, tmp_path: Path, authority: Authority) -> None:
        keys = [
            serialization.load_pem_private_key(path.read_bytes(), None)
            for path in tmp_path.rglob("*")
            if path.is_file() and b"PRIVATE KEY" in path.read_bytes()
        ]
        assert [key.public_key() == authority.root.public_key() for key in keys] == [False]

    def test_only_the_service_can_read_keys(self, tmp_path: Path, authority: Authority) -> None:
        assert authority
        folder = certificates_dir(tmp_path)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "intermediate.key").stat().st_mode & 0o777 == 0o600

    def test_phones_take_the_lifetimes(self, authority: Authority) -> None:
        leaf = x509.load_pem_x509_certificates(issue_leaf(authority, ("vigilar.local",), (), NOW))[0]
        assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 397
        assert leaf.not_valid_before_utc < NOW

    def test_it_is_made_once(self, tmp_path: Path, authority: Authority) -> None:
        again = load_or_create_authority(certificates_dir(tmp_path), (), NOW)
        assert again.root == authority.root

    def test_box_that_thinks_it_is_1970_makes_a_root_that_holds(self, tmp_path: Path) -> None:
        made = load_or_create_authority(certificates_dir(tmp_path), (), datetime(1970, 1, 2, tzinfo=UTC))
        assert made.root.not_valid_after_utc > NOW + timedelta(days=365)


class TestServing:
    def test_new_house_has_a_certificate_for_all_it_is_called(self, wish: CertificateWish) -> None:
        state, is_new = ensure_certificate(wish, NOW, lambda: ADDRESSES)
        assert (state.state, is_new) == ("ok", True)
        assert {"vigilar.local", "vigilar.home.arpa", "localhost", "cams.example.net"} <= set(state.names)
        assert addresses_of(serving(wish)) == ADDRESSES

    def test_it_stays_until_sixty_days_are_left(self, wish: CertificateWish) -> None:
        ensure_certificate(wish, NOW, lambda: ADDRESSES)
        first = serving(wish)
        assert not ensure_certificate(wish, NOW + timedelta(days=335), lambda: ADDRESSES)[1]
        assert serving(wish) == first
        assert ensure_certificate(wish, NOW + timedelta(days=337), lambda: ADDRESSES)[1]
        assert serving(wish).not_valid_after_utc > first.not_valid_after_utc

    def test_new_address_gets_a_new_certificate(self, wish: CertificateWish) -> None:
        ensure_certificate(wish, NOW, lambda: ADDRESSES)
        other: set[Address] = {ipaddress.ip_address("192.168.1.77")}
        assert ensure_certificate(wish, NOW, lambda: other)[1]
        assert addresses_of(serving(wish)) == other

    def test_public_address_is_left_out(self, wish: CertificateWish) -> None:
        ensure_certificate(wish, NOW, lambda: {LAN, ipaddress.ip_address("8.8.8.8")})
        assert addresses_of(serving(wish)) == {LAN}

    def test_clock_that_was_wrong_is_made_good(self, wish: CertificateWish) -> None:
        ensure_certificate(wish, datetime(1970, 1, 2, tzinfo=UTC), lambda: ADDRESSES)
        assert ensure_certificate(wish, NOW, lambda: ADDRESSES)[1]
        assert serving(wish).not_valid_after_utc > NOW + timedelta(days=300)

    def test_name_that_came_later_is_told(self, wish: CertificateWish) -> None:
        ensure_certificate(wish, NOW, lambda: ADDRESSES)
        later = CertificateWish(secrets_dir=wish.secrets_dir, names=("new.example.net",))
        state, _ = ensure_certificate(later, NOW, lambda: ADDRESSES)
        assert state.state == "warn"
        assert "cannot name new.example.net" in state.sentence

    @pytest.mark.parametrize("damage", [b"", b"nonsense", None])
    def test_damaged_file_is_made_anew(self, wish: CertificateWish, damage: bytes | None) -> None:
        ensure_certificate(wish, NOW, lambda: ADDRESSES)
        if damage is None:
            serving_file(wish.secrets_dir).unlink()
        else:
            serving_file(wish.secrets_dir).write_bytes(damage)
        assert ensure_certificate(wish, NOW, lambda: ADDRESSES)[1]
        assert addresses_of(serving(wish)) == ADDRESSES


P256, UNKNOWN_CURVE = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f")
"""What names a curve in a key."""


def new_key() -> bytes:
    form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(*form)


def pem_of(key: bytes) -> bytes:
    return b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(key) + b"-----END PRIVATE KEY-----\n"


class TestOwnFiles:
    @pytest.fixture
    def own(self, tmp_path: Path, wish: CertificateWish) -> CertificateWish:
        """A certificate of the owner's, here by another authority of ours."""
        other = load_or_create_authority(tmp_path / "other", ("home.example",), NOW)
        pem = issue_leaf(other, ("home.example",), (), NOW)
        key, _, rest = pem.partition(b"-----BEGIN CERTIFICATE-----")
        (tmp_path / "key.pem").write_bytes(key)
        (tmp_path / "chain.pem").write_bytes(b"-----BEGIN CERTIFICATE-----" + rest)
        return CertificateWish(
            secrets_dir=wish.secrets_dir,
            names=("home.example",),
            certificate=str(tmp_path / "chain.pem"),
            key=str(tmp_path / "key.pem"),
        )

    def test_it_is_shown_in_place_of_ours(self, own: CertificateWish) -> None:
        state, is_new = ensure_certificate(own, NOW, lambda: ADDRESSES)
        assert (state.state, state.is_own, is_new, state.names) == ("ok", True, True, ("home.example",))
        assert not ensure_certificate(own, NOW, lambda: ADDRESSES)[1]

    def test_its_end_is_told_in_time(self, own: CertificateWish) -> None:
        state, _ = ensure_certificate(own, NOW + timedelta(days=390), lambda: ADDRESSES)
        assert (state.state, "ends in" in state.sentence) == ("warn", True)

    @pytest.mark.parametrize(
        ("file", "content", "says"),
        [
            ("chain.pem", b"nonsense", "is no certificate in PEM form"),
            ("key.pem", b"nonsense", "is no private key in PEM form"),
            ("key.pem", "unknown curve", "is no private key in PEM form"),
            ("key.pem", None, "cannot be read"),
            ("chain.pem", "ended", "has ended"),
            ("chain.pem", "early", "is not valid before"),
            ("chain.pem", "swapped", "were the two files mixed up?"),
            ("key.pem", "locked", "has a password"),
            ("key.pem", "another", "does not belong to the certificate"),
        ],
    )
    def test_bad_files_are_told_and_ours_is_shown(
        self, tmp_path: Path, own: CertificateWish, file: str, content: bytes | str | None, says: str
    ) -> None:
        now, path = NOW, tmp_path / file
        if content == "ended":
            now = NOW + timedelta(days=500)
        elif content == "early":
            now = NOW - timedelta(days=500)
        elif content == "swapped":
            path.write_bytes((tmp_path / "key.pem").read_bytes())
        elif content == "locked":
            path.write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
        elif content == "another":
            path.write_bytes(pem_of(new_key()))
        elif content == "unknown curve":
            path.write_bytes(pem_of(new_key().replace(P256, UNKNOWN_CURVE)))
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.unlink()
        state, _ = ensure_certificate(own, now, lambda: ADDRESSES)
        assert (state.state, state.is_own) == ("bad", False)
        assert says in state.sentence
        assert addresses_of(serving(own)) == ADDRESSES


class BusyDoor:
    """HAProxy's place for commands: takes a certificate, but says no the first time."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX)
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # the path of a Unix socket may have 107 bytes
        self._socket.bind(f"/proc/self/fd/{inside}/{ADMIN_SOCKET}")
        os.close(inside)
        self._socket.listen()
        self._thread = threading.Thread(target=self._run, name="busy door")
        self._thread.start()

    def _run(self) -> None:
        for answer in (b"", b"busy", b"", b"Success!"):
            peer, _ = self._socket.accept()
            with peer:
                self.asked.append(peer.makefile("rb").read().decode().partition(" /")[0])
                peer.sendall(answer)

    def close(self) -> None:
        self._thread.join()
        self._socket.close()


def openssl_files(folder: Path, key: str, digest: str) -> OwnFiles:
    """A certificate that a good authority signed, of the key and with the digest."""
    kind, _, what = key.partition(":")
    sort = ["rsa", "-pkeyopt", f"rsa_keygen_bits:{what}"] if kind == "rsa" else ["ec", "-pkeyopt", f"group:{what}"]
    for command in (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 90 -subj /CN=ca",
        f"openssl genpkey -out own.key -algorithm {' '.join(sort)}",
        "openssl req -new -key own.key -out own.csr -subj /CN=own",
        f"openssl x509 -req -in own.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 80 -{digest} -out own.crt",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    chain = (folder / "own.crt").read_bytes() + (folder / "ca.crt").read_bytes()
    return OwnFiles(chain, (folder / "own.key").read_bytes())


def haproxy_takes(folder: Path, files: OwnFiles) -> bool:
    """What it says of its own configuration with the certificate in it."""
    pem, config = folder / "both.pem", folder / "haproxy.cfg"
    pem.write_bytes(files.key + files.certificate)
    times = "".join(f"  timeout {one} 5s\n" for one in ("client", "server", "connect"))
    config.write_text(f"defaults\n  mode http\n{times}frontend f\n  bind 127.0.0.1:1 ssl crt {pem}\n", encoding="utf-8")
    command = [str(find_haproxy()), "-c", "-f", str(config)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def filler(room: int) -> bytes:
    """A certificate as PEM of so many bytes, or up to a hundred less."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "filler")])

    def made(size: int) -> bytes:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9))
        note = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(size))
        signed = builder.add_extension(note, critical=False).sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    return made((room - len(made(0)) - 40) * 48 // 65)  # 48 bytes are a line of 65


class TestKeepingOwnFiles:
    """Two files are written one after the other, and a kill may come between."""

    def files(self, word: bytes) -> OwnFiles:
        return OwnFiles(b"certificate " + word, b"key " + word)

    def test_stop_between_the_two_leaves_the_pair_before(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = keep_own(tmp_path, self.files(b"1"))
        written: list[str] = []

        def write_one(path: Path, data: bytes, mode: int) -> None:
            if written:
                raise KeyboardInterrupt
            written.append(path.suffix)
            write_atomic(path, data, mode)

        with monkeypatch.context() as patched:
            patched.setattr(own_certificate, "write_atomic", write_one)
            with pytest.raises(KeyboardInterrupt):
                keep_own(tmp_path, self.files(b"2"))
        assert written == [".key"]
        assert [Path(one).read_bytes() for one in before] == [b"certificate 1", b"key 1"]
        after = keep_own(tmp_path, self.files(b"2"))
        assert [Path(one).read_bytes() for one in after] == [b"certificate 2", b"key 2"]

    def test_certificate_without_its_key_goes(self, tmp_path: Path) -> None:
        kept = keep_own(tmp_path, self.files(b"1"))
        lone = Path(kept[0]).with_name("0123456789abcdef.crt")
        lone.write_bytes(b"left by an older order")
        again = keep_own(tmp_path, self.files(b"2"))
        assert {path.name for path in lone.parent.iterdir()} == {Path(one).name for one in (*kept, *again)}

    def test_newest_twelve_are_kept(self, tmp_path: Path) -> None:
        made = [keep_own(tmp_path, self.files(b"%d" % number)) for number in range(15)]
        assert {str(path) for path in Path(made[0][0]).parent.iterdir()} == {one for pair in made[3:] for one in pair}


class TestNotesOnOwnFiles:
    """What some device warns of is said, and does not keep the owner from using it."""

    def files(self, folder: Path, *, names: tuple[str, ...], whole: bool = True, order: int = 1) -> OwnFiles:
        authority = load_or_create_authority(folder / "other", ("home.example",), NOW)
        key, *chain = issue_leaf(authority, names, (), NOW).split(BEGIN)
        kept = chain[: None if whole else 1][::order]
        return OwnFiles(b"".join(BEGIN + one for one in kept), key)

    def test_good_files_have_none(self, tmp_path: Path) -> None:
        own = check_own(self.files(tmp_path, names=("home.example",)), NOW, {"home.example"})
        assert (own.notes, own.names) == ((), ("home.example",))

    def test_missing_chain_is_said(self, tmp_path: Path) -> None:
        own = check_own(self.files(tmp_path, names=("home.example",), whole=False), NOW, {"home.example"})
        assert [one for one in own.notes if "fullchain.pem" in one] == list(own.notes)
        assert len(own.notes) == 1

    def test_chain_upside_down_is_no_pair_with_the_key(self, tmp_path: Path) -> None:
        with pytest.raises(BadCertificate, match="does not belong"):
            check_own(self.files(tmp_path, names=("home.example",), order=-1), NOW)

    def test_foreign_certificate_behind_it_is_no_chain(self, tmp_path: Path) -> None:
        good = self.files(tmp_path, names=("home.example",), whole=False)
        other = load_or_create_authority(tmp_path / "third", ("x.example",), NOW).root
        chain = good.certificate + other.public_bytes(serialization.Encoding.PEM)
        own = check_own(OwnFiles(chain, good.key), NOW, {"home.example"})
        assert own.notes == ("The chain is not in order: first the certificate, behind it who signed it, and so on.",)

    @pytest.mark.parametrize(
        ("name", "answers_to", "is_noted"),
        [
            ("home.example", {"home.example"}, False),
            ("home.example", {"cams.example"}, True),
            ("*.home.example", {"cams.home.example"}, False),
            ("*.home.example", {"home.example"}, True),
        ],
    )
    def test_name_the_house_does_not_answer_to_is_said(
        self, tmp_path: Path, name: str, answers_to: set[str], is_noted: bool
    ) -> None:
        own = check_own(self.files(tmp_path, names=(name,)), NOW, answers_to)
        assert [f"It is for {name}, and" in one for one in own.notes] == [True] * is_noted

    @pytest.mark.parametrize(
        ("key", "digest", "says"),
        [
            ("rsa:1024", "sha256", "The certificate has a key of 1024 bits; it needs 2048 or more."),
            ("ec:P-192", "sha256", "The certificate has a key of 192 bits; it needs 224 or more."),
            ("rsa:2048", "sha1", "The certificate is signed with SHA1, which no browser trusts any more."),
            ("rsa:2048", "sha256", ""),
            ("ec:P-256", "sha256", ""),
        ],
    )
    def test_what_the_door_would_not_start_with_is_refused(
        self, tmp_path: Path, key: str, digest: str, says: str
    ) -> None:
        files = openssl_files(tmp_path, key, digest)
        if find_haproxy():
            assert haproxy_takes(tmp_path, files) is not bool(says)
        if says:
            with pytest.raises(BadCertificate) as refused:
                check_own(files, datetime.now(UTC))
            assert str(refused.value) == says
        else:
            check_own(files, datetime.now(UTC))

    @pytest.mark.parametrize("length", [MAX_PEM_BYTES, MAX_PEM_BYTES + 200])
    def test_running_door_takes_what_is_not_refused(self, tmp_path: Path, length: int) -> None:
        """With the real HAProxy: the longest that is let through is shown without a restart, from any folder."""
        files = self.files(tmp_path, names=("home.example",))
        first = check_own(files, NOW)
        room = length - len(first.pem)
        long = OwnFiles(files.certificate + filler(room), files.key)
        if length > MAX_PEM_BYTES:
            with pytest.raises(BadCertificate, match=r"is too long with its chain: .* without the root"):
                check_own(long, NOW)
            return
        pem = check_own(long, NOW).pem
        assert MAX_PEM_BYTES - 200 < len(pem) <= MAX_PEM_BYTES
        folder = tmp_path / "a folder; with <a> name that is rather long, as those of data folders may well be" / "door"
        shown = folder / "serving.pem"
        folder.mkdir(parents=True)
        shown.write_bytes(first.pem)
        settings = DoorSettings(listen="127.0.0.1", port=free_port(), proxies=(), certificate=shown)
        write_door(folder, settings)
        door = subprocess.Popen(door_command(folder), cwd=folder, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: is_answering(folder, 5.0), 60.0)
            shown.write_bytes(pem)
            hand_over(folder, shown)
        finally:
            door.terminate()
            door.wait()

    def test_path_that_cannot_be_is_one_sentence(self) -> None:
        with pytest.raises(BadCertificate, match="there is no such path"):
            read_own("/etc/\0.pem", "/etc/key.pem")

    def test_end_is_said_two_weeks_before(self, tmp_path: Path) -> None:
        files = self.files(tmp_path, names=("home.example",))
        ends = check_own(files, NOW).certificate.not_valid_after_utc
        assert check_own(files, ends - timedelta(days=14)).notes == ()
        assert check_own(files, ends - timedelta(days=7)).notes == ("Your own certificate ends in 7 days.",)


def test_certificate_that_the_door_did_not_take_is_handed_over_again(tmp_path: Path, wish: CertificateWish) -> None:
    door = BusyDoor(tmp_path)
    keeper = CertificateKeeper(lambda: wish, tmp_path, lambda: NOW)
    with pytest.raises(OSError, match="busy"):
        keeper.look()
    assert keeper.state.state == "unknown"
    assert keeper.look()
    door.close()
    assert door.asked == ["set ssl cert", "commit ssl cert"] * 2
    assert keeper.state.state in ("ok", "warn")


def test_another_certificate_is_said_once_whoever_made_it(tmp_path: Path, wish: CertificateWish) -> None:
    told: list[str] = []
    keeper = CertificateKeeper(lambda: wish, tmp_path, lambda: NOW, lambda: told.append("another"))
    ensure_certificate(wish, NOW)
    for expected in (0, 0):
        keeper.look()
        assert len(told) == expected
    serving_file(wish.secrets_dir).unlink()
    ensure_certificate(wish, NOW)  # as the command does
    for expected in (1, 1):
        keeper.look()
        assert len(told) == expected
    serving_file(wish.secrets_dir).unlink()
    for expected in (2, 2):
        keeper.look()
        assert len(told) == expected


def test_own_names_and_addresses_are_this_machines() -> None:
    assert own_names(("A.Example", "192.168.1.1"))[:3] == ("vigilar.local", "vigilar.home.arpa", "localhost")
    assert "a.example" in own_names(("A.Example",))
    assert "192.168.1.1" not in own_names(("192.168.1.1",))
    assert ipaddress.ip_address("127.0.0.1") in own_addresses()


def test_profile_for_phones_holds_the_root(wish: CertificateWish) -> None:
    ensure_certificate(wish, NOW, lambda: ADDRESSES)
    root = find_root(wish.secrets_dir)
    assert root is not None
    found = plistlib.loads(apple_profile(root, "Lindenweg 4"))
    assert found["PayloadContent"][0]["PayloadContent"] == root.der
    assert found["PayloadContent"][0]["PayloadType"] == "com.apple.security.root"
    assert apple_profile(root, "Lindenweg 4") == apple_profile(root, "Lindenweg 4")
