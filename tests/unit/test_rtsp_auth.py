"""Logins: the examples of RFC 2069, RFC 2617 and RFC 7616 as they stand there, challenges of all forms."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigilar.capture.rtsp.auth import Login, parse_challenges
from vigilar.capture.rtsp.messages import BadMessage

PATH = "/dir/index.html"
OLD = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
OPAQUE = ', qop="auth,auth-int", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
NEW = 'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
NEW_OPAQUE = ', opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
OWN_NEW = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("challenge", "password", "own", "response"),
    [
        (OLD, "CircleOfLife", "", "1949323746fe6a43ef61f9606e7febea"),
        (OLD + OPAQUE, "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1"),
        (NEW + ", algorithm=MD5" + NEW_OPAQUE, "Circle of Life", OWN_NEW, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            NEW + ", algorithm=SHA-256" + NEW_OPAQUE,
            "Circle of Life",
            OWN_NEW,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ],
    ids=["RFC 2069", "RFC 2617", "RFC 7616 MD5", "RFC 7616 SHA-256"],
)
def test_digest_is_that_of_the_standard(challenge: str, password: str, own: str, response: str) -> None:
    login = Login("Mufasa", password, lambda: own)
    assert not login.challenge([challenge])
    header = login.answer("GET", PATH) or ""
    assert f'response="{response}"' in header
    assert 'username="Mufasa"' in header
    assert f'uri="{PATH}"' in header
    assert ("nc=00000001" in header) == ("qop" in challenge)
    assert ("opaque=" in header) == ("opaque=" in challenge)


def test_count_rises_with_each_request_and_begins_anew() -> None:
    login = Login("u", "p")
    login.challenge([OLD + OPAQUE])
    assert ["nc=00000001" in (login.answer("A", "/") or ""), "nc=00000002" in (login.answer("A", "/") or "")] == [
        True
    ] * 2
    login.challenge([OLD + OPAQUE])
    assert "nc=00000001" in (login.answer("A", "/") or "")


def test_nobody_asked_nothing_is_told() -> None:
    assert Login("u", "p").answer("GET", "/") is None


def test_basic_is_encoded() -> None:
    login = Login("Aladdin", "open sesame")
    login.challenge(['Basic realm="x", charset="UTF-8"'])
    assert login.answer("GET", "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    "headers",
    [['Basic realm="a"', OLD], [OLD, 'Basic realm="a"'], ['Basic realm="a", ' + OLD], [OLD + ', Basic realm="a"']],
)
def test_digest_comes_before_basic(headers: list[str]) -> None:
    login = Login("u", "p")
    login.challenge(headers)
    assert (login.answer("GET", "/") or "").startswith("Digest ")


def test_unknown_algorithm_is_passed_over() -> None:
    login = Login("u", "p")
    login.challenge([NEW + ", algorithm=SHA3-256", NEW + ", algorithm=SHA-256"])
    assert "algorithm=SHA-256" in (login.answer("GET", "/") or "")


@pytest.mark.parametrize(
    "headers",
    [[], [""], ["Bearer x"], ['Digest realm="a"'], [NEW + ", algorithm=X"], ['Digest nonce="a", qop="token"']],
)
def test_challenge_that_cannot_be_met_is_refused(headers: list[str]) -> None:
    with pytest.raises(BadMessage):
        Login("u", "p").challenge(headers)


@pytest.mark.parametrize(("algorithm", "name"), [("SHA-512-256", "sha512_256"), ("MD5", "md5")])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_body_and_newest_algorithm_are_protected_as_the_standard_says(algorithm: str, name: str, qop: str) -> None:
    """RFC 7616 3.4: written out here, as its own example of SHA-512-256 is of another hash than its name."""

    def digest(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    login = Login("u", "p", lambda: "own")
    login.challenge([f'Digest realm="r", nonce="n", algorithm={algorithm}, qop="{qop}"'])
    request = "PLAY:rtsp://c/" + ("" if qop == "auth" else ":" + digest(""))
    response = digest(f"{digest('u:r:p')}:n:00000001:own:{qop}:{digest(request)}")
    header = login.answer("PLAY", "rtsp://c/") or ""
    assert f'response="{response}"' in header
    assert f"algorithm={algorithm}, qop={qop}, nc=00000001" in header


def test_body_is_protected_only_where_nothing_else_is_offered() -> None:
    login = Login("u", "p")
    login.challenge(['Digest realm="r", nonce="n", qop="auth-int,auth"'])
    assert "qop=auth, " in (login.answer("PLAY", "/") or "")


def test_stale_nonce_is_told() -> None:
    assert Login("u", "p").challenge([OLD + ", stale=TRUE"])
    assert Login("u", "p").challenge([OLD + ', stale="true"'])
    assert not Login("u", "p").challenge([OLD + ", stale=false"])


def test_quotes_in_names_are_escaped() -> None:
    login = Login('a"b\\', "p")
    login.challenge([OLD])
    assert 'username="a\\"b\\\\"' in (login.answer("GET", "/") or "")


def test_challenges_are_taken_apart() -> None:
    text = 'Basic realm="a, \\"b\\"", Digest  realm = x ,nonce="n=1",stale=true'
    assert parse_challenges(text) == [
        ("basic", {"realm": 'a, "b"'}),
        ("digest", {"realm": "x", "nonce": "n=1", "stale": "true"}),
    ]


@given(st.text(max_size=120))
def test_noise_as_challenge_raises_only_its_error(text: str) -> None:
    for header in (text, "Digest " + text, 'Digest nonce="n", ' + text):
        login = Login("u", "p")
        with contextlib.suppress(BadMessage):
            login.challenge([header])
            assert login.answer("GET", "/")
