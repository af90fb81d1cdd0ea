"""Web push on the wire: the vectors of RFC 8291 (Appendix A) and RFC 8292 (2.4), and that a length tells nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.push_service import FakePhone, b64, check_vapid, unb64
from vigilar.base.errors import VigilarError
from vigilar.notify.push import base64url
from vigilar.notify.push.seal import MAX_MESSAGE_BYTES, PLAIN_BYTES, seal, seal_with
from vigilar.notify.push.vapid import KEY_FILE, load_or_create_key

TEXT = b"When I grow up, I want to be a watermelon"
SENDER = unb64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
PHONE = unb64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
PHONE_SECRET = unb64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
AUTH, SALT = unb64("BTBZMqHH6r4Tts7J_aSIgg"), unb64("DGv6ra1nlYgDCS1FRnbzlw")
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
TOKEN = (
    "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3Njgs"
    "InN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjv"
    "W2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
)


def private(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())


def test_rfc_8291_vector_comes_out_to_the_bit() -> None:
    assert base64url.encode(seal_with(TEXT, PHONE, AUTH, private(SENDER), SALT, len(TEXT) + 1)) == BODY


def test_fake_phone_opens_the_rfc_vector() -> None:
    """So what it opens in other tests is what a browser would."""
    phone = FakePhone("rfc", "", private(PHONE_SECRET), AUTH)
    assert phone.p256dh == PHONE
    assert phone.open(unb64(BODY)) == TEXT


def test_fake_service_takes_the_rfc_8292_vector_and_no_other() -> None:
    assert check_vapid(TOKEN, "https://push.example.net", 1453523768 - 3600) == []
    assert check_vapid(TOKEN.replace("i3CY", "i3CZ"), "https://push.example.net", 1453523768 - 3600) != []


def test_own_token_is_good_for_its_service_and_half_a_day(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path / "secrets")
    header = key.authorization("https://push.example.net", 1_800_000_000)
    assert check_vapid(header, "https://push.example.net", 1_800_000_000) == []
    assert check_vapid(header, "https://other.example.net", 1_800_000_000) != []
    assert check_vapid(header, "https://push.example.net", 1_800_000_000 + 12 * 3600 + 1) != []


@pytest.mark.parametrize("length", [0, 1, 500, MAX_MESSAGE_BYTES])
def test_every_length_looks_the_same(length: int) -> None:
    phone = FakePhone("phone", "")
    body = seal(b"x" * length, phone.p256dh, phone.auth)
    assert len(body) == 16 + 4 + 1 + 65 + PLAIN_BYTES + 16
    assert len(body) < 3 * 1024, "what the strictest service takes"
    assert phone.open(body) == b"x" * length


def test_too_long_message_is_refused_and_not_cut() -> None:
    phone = FakePhone("phone", "")
    with pytest.raises(ValueError, match="does not fit"):
        seal(b"x" * (MAX_MESSAGE_BYTES + 1), phone.p256dh, phone.auth)


def test_same_message_twice_shares_no_bytes() -> None:
    phone = FakePhone("phone", "")
    first, second = (seal(b"same", phone.p256dh, phone.auth) for _ in range(2))
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    assert first[86:] != second[86:]


@pytest.mark.parametrize(
    "point", [b"", b"\x04" + bytes(63), b"\x04" + bytes(64), b"\x02" + PHONE[1:33], PHONE[:-1] + b"\0"]
)
def test_point_that_is_none_is_refused(point: bytes) -> None:
    with pytest.raises(ValueError, match=r"point|curve|Invalid"):
        seal(b"text", point, AUTH)


def test_house_keeps_its_key_and_shows_it_to_nobody(tmp_path: Path) -> None:
    first = load_or_create_key(tmp_path / "secrets")
    assert len(unb64(first.public_text)) == 65
    assert stat.S_IMODE((tmp_path / "secrets" / KEY_FILE).stat().st_mode) == 0o600
    assert load_or_create_key(tmp_path / "secrets").public == first.public


def test_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(VigilarError, match="other users") as caught:
        load_or_create_key(tmp_path)
    assert "chmod 600" in caught.value.next_step


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\0" * 4096])
def test_damaged_key_is_told_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / KEY_FILE
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(VigilarError, match="damaged"):
        load_or_create_key(tmp_path)
    assert file.read_bytes() == content


@pytest.mark.parametrize("text", ["a b", "ab+/", "é", "ab==="])
def test_base64url_skips_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        base64url.decode(text)
    assert base64url.decode(b64(b"\xff\xfe")) == b"\xff\xfe"
