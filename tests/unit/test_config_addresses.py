"""Addresses of cameras: allowed ones, logins in them, sentences that repeat nothing."""

from __future__ import annotations

import pytest

from vigilar.config.addresses import address_problem, split_login, with_login


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://192.168.1.21/stream1",
        "rtsp://192.168.1.21:554",
        "rtsp://cam.lan:8554/live?channel=1&subtype=0",
        "rtsp://[fe80::1]:554/x",
        "rtsp://my_camera/x",
        "rtsp://10.0.0.7/path@with-at",
        "rtsp://10.0.0.7/user={user}&password={password}&channel=1",
        "rtsp://10.0.0.7/user=admin&password=&channel=1",
        "file:/clips/door.mp4",
        "demo:street",
    ],
)
def test_good_address_has_no_problem(address: str) -> None:
    assert address_problem(address) is None


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "is empty"),
        ("192.168.1.21", "must begin with"),
        ("http://192.168.1.21/x", "must begin with"),
        ("rtsps://192.168.1.21/x", "must begin with"),
        ("RTSP://h/x", "must begin with"),
        ("rtsp:/h/x", "must begin with"),
        ("rtsp://", "names no host"),
        ("rtsp:///x", "names no host"),
        ("rtsp://:554/x", "names no host"),
        ("rtsp://h:0/x", "port"),
        ("rtsp://h:65536/x", "port"),
        ("rtsp://h:/x", "port"),
        ("rtsp://h:55x/x", "must name a host"),
        ("rtsp://[fe80::z]/x", "host that cannot be one"),
        ("rtsp://-h/x", "host that cannot be one"),
        ("rtsp://h/a b", "space"),
        ("rtsp://h/\x00", "cannot be seen"),
        ("rtsp://h/" + "x" * 500, "longer than 500"),
        ("rtsp://admin:geheim@h/x", "must not hold a login"),
        ("rtsp://admin@h/x", "must not hold a login"),
        ("rtsp://admin:ge/heim@h/x", "must not hold a login"),
        ("rtsp://h/user=admin&password=geheim", "must not hold a password"),
        ("rtsp://h/?PWD=geheim", "must not hold a password"),
        ("file:clips/door.mp4", "from the root"),
        ("file:/", "from the root"),
        ("demo:attic", "names no demo scene"),
    ],
)
def test_bad_address_is_explained_and_not_repeated(address: str, says: str) -> None:
    problem = address_problem(address) or ""
    assert says in problem
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("address", "bare", "user", "password"),
    [
        ("rtsp://h/x", "rtsp://h/x", None, None),
        ("rtsp://u:p@h:554/x", "rtsp://h:554/x", "u", "p"),
        ("rtsp://u@h/x", "rtsp://h/x", "u", None),
        ("rtsp://u:@h/x", "rtsp://h/x", "u", ""),
        ("rtsp://u:p%40s%2Fs@h/x", "rtsp://h/x", "u", "p@s/s"),
        ("rtsp://u:p@ss@h/x", "rtsp://h/x", "u", "p@ss"),
        ("rtsp://u:p:q@h/x", "rtsp://h/x", "u", "p:q"),
        ("rtsp://u:pa/ss@h/x", "rtsp://h/x", "u", "pa/ss"),
        ("rtsp://u:pa?ss#w@h/x", "rtsp://h/x", "u", "pa?ss#w"),
        ("rtsp://h/x@y", "rtsp://h/x@y", None, None),
        ("rtsp://h:554/x@y", "rtsp://h:554/x@y", None, None),
        ("file:/x@y", "file:/x@y", None, None),
    ],
)
def test_login_is_taken_out(address: str, bare: str, user: str | None, password: str | None) -> None:
    split = split_login(address)
    assert (split.address, split.user, split.password) == (bare, user, password)
    assert "password" not in repr(split)


def test_login_goes_back_percent_encoded() -> None:
    assert with_login("rtsp://h/x", "a b", "p@s/s:%") == "rtsp://a%20b:p%40s%2Fs%3A%25@h/x"


def test_login_goes_where_the_path_asks_for_it() -> None:
    assert with_login("rtsp://h/user={user}&password={password}", "u", "p&q") == "rtsp://h/user=u&password=p%26q"


@pytest.mark.parametrize("password", ["", "plain", "p@s/s:%?#", "ümlaut", "a b\"'\\"])
def test_login_comes_out_as_it_went_in(password: str) -> None:
    split = split_login(with_login("rtsp://h:554/x", "user", password))
    assert (split.address, split.user, split.password) == ("rtsp://h:554/x", "user", password)
