"""Addresses of cameras: allowed ones, logins in them, sentences that repeat nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigilar.capture.rtsp.address import parse_address
from vigilar.config.addresses import (
    address_problem,
    bare_host,
    split_login,
    with_login,
    with_scheme,
    without_login,
)


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://192.168.1.21/stream1",
        "http://192.168.1.21/video.mjpg?fps=10",
        "http://192.168.1.21:8080/videostream.cgi?user={user}&pwd={password}",
        "rtsp://192.168.1.21:554",
        "rtsp://cam.lan:8554/live?channel=1&subtype=0",
        "rtsp://[fe80::1]:554/x",
        "rtsp://my_camera/x",
        "rtsp://10.0.0.7/path@with-at",
        "rtsp://10.0.0.7/user={user}&password={password}&channel=1",
        "rtsp://10.0.0.7/user=admin&password=&channel=1",
        "rtsps://192.168.1.21/x",
        "rtsp://10.0.0.7/user={user}_password={password}_channel=1",
        "rtsp://10.0.0.7/user=admin_password=_channel=1_stream=0.sdp",
        "rtsp://10.0.0.7/s?token={password}",
        "rtsp://10.0.0.7/s?bypass=1&compass=n&author=x",
        "file:/clips/door.mp4",
        "demo:street",
    ],
)
def test_good_address_has_no_problem(address: str) -> None:
    assert address_problem(address) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("RTSP://192.168.1.9/x", "rtsp://192.168.1.9/x"),
        ("Rtsps://admin@cam.lan/X", "rtsps://admin@cam.lan/X"),
        ("HTTP://cam/v.cgi", "http://cam/v.cgi"),
        ("rtsp:/192.168.1.9/x", "rtsp://192.168.1.9/x"),
        ("rtsp//192.168.1.9/x", "rtsp://192.168.1.9/x"),
        (' "rtsp://192.168.1.9/x" ', "rtsp://192.168.1.9/x"),
        ("<rtsp://192.168.1.9/x>", "rtsp://192.168.1.9/x"),
        ("rtsp.lan/x", "rtsp://rtsp.lan/x"),
        ("rtsp:554/x", "rtsp://rtsp:554/x"),
        ("https://cam/x", "https://cam/x"),
        ("demo:street", "demo:street"),
    ],
)
def test_address_is_what_was_meant(typed: str, meant: str) -> None:
    """As phones write it, and as it is copied out of manuals."""
    assert with_scheme(typed) == meant


def test_zone_of_a_link_is_read_as_urls_write_it() -> None:
    """RFC 6874."""
    assert bare_host("rtsp://[fe80::1%25eth0]:554") == ("fe80::1%eth0", 554, False)
    assert parse_address("rtsp://[fe80::1%25eth0]/x").host == "fe80::1%eth0"
    assert parse_address("rtsp://[fe80::1%eth0]/x").host == "fe80::1%eth0"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "is empty"),
        ("192.168.1.21", "must begin with"),
        ("https://192.168.1.21/x", "must begin with"),
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
        ("rtsp://fd00::5/x", "must stand in brackets"),
        ("rtsp://::1:554/x", "must stand in brackets"),
        ("rtsp://192.168.1.300/x", "0 to 255"),
        ("rtsp://1921.68.1.3:554/x", "0 to 255"),
        ("rtsp://h/a b", "space in a path is written %20"),
        ("rtsp://h/\x00", "cannot be seen"),
        ("rtsp://h/" + "x" * 500, "longer than 500"),
        ("rtsp://admin:geheim@h/x", "must not hold a login"),
        ("rtsp://admin@h/x", "must not hold a login"),
        ("rtsp://admin:ge/heim@h/x", "must not hold a login"),
        ("rtsp://h/user=admin&password=geheim", "must not hold a password"),
        ("rtsp://h/?PWD=geheim", "must not hold a password"),
        ("rtsp://h/user=admin_password=geheim_channel=1_stream=0.sdp?real_stream", "must not hold a password"),
        ("rtsp://h/a?loginuse=admin&loginpas=geheim", "must not hold a password"),
        ("rtsp://h?psw=geheim", "must not hold a password"),
        ("rtsp://h/s?token=geheim", "must not hold a password"),
        ("rtsp://h/s#access_token=geheim", "must not hold a password"),
        ("rtsp://h/videoMain?u=admin&p=geheim", "must not hold a password"),
        ("rtsp://h/live;user=admin;pwd=geheim", "must not hold a password"),
        ("rtsp://admin:12/geheim@10.0.0.7/x", "must not hold a login"),
        ("rtsp://admin:p@geheim/w@10.0.0.7/x", "must not hold a login"),
        ("rtsps://admin:geheim@h/x", "must not hold a login"),
        ("rtsp://h/s?streamKey=geheim", "must not hold a password"),
        ("rtsp://h/s?sessionid=geheim", "must not hold a password"),
        ("rtsp://h/s?user=a&passcode=geheim", "must not hold a password"),
        ("rtsp://h/s?auth=geheim", "must not hold a password"),
        ("rtsp://h/s?login=admin:geheim", "must not hold a password"),
        ("rtsp://h/admin:geheim/ch1", "must not hold a password"),
        ("rtsp://h/s?a=1%26password=geheim", "must not hold a password"),
        ("rtsp://h/s?password%3Dgeheim", "must not hold a password"),
        ("rtsp://h/s?pass%77ord=geheim", "written with escapes"),
        ("rtsp://h/s?token={password}&password=geheim", "must not hold a password"),
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
        ("rtsp://a:p%edge1@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "p%edge1"),
        ("rtsp://a:50%off@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "50%off"),
        ("rtsp://a:%C3%BC%20%C3%9F@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "ü ß"),
        ("rtsp://a:ü ß@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "ü ß"),
        ("rtsp://a:p#1/2?x@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "p#1/2?x"),
        ("rtsp://a:12/34@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "12/34"),
        ("rtsp://a:p@ss/w@192.0.2.4/s", "rtsp://192.0.2.4/s", "a", "p@ss/w"),
        (
            "rtsp://h:554/user=admin_password=s3cret_channel=1_stream=0.sdp?real_stream",
            "rtsp://h:554/user={user}_password={password}_channel=1_stream=0.sdp?real_stream",
            "admin",
            "s3cret",
        ),
        (
            "rtsp://h/live=1,1&username=admin&password=s3cret",
            "rtsp://h/live=1,1&username={user}&password={password}",
            "admin",
            "s3cret",
        ),
        ("rtsp://h/a?loginuse=u&loginpas=p&x=1", "rtsp://h/a?loginuse={user}&loginpas={password}&x=1", "u", "p"),
        ("rtsp://h/s?login=u:p", "rtsp://h/s?login={user}:{password}", "u", "p"),
        ("rtsp://h/admin:p/ch1", "rtsp://h/admin:{password}/ch1", "", "p"),
        ("rtsp://h/s?bypass=1&keyframe=2&compass=3", "rtsp://h/s?bypass=1&keyframe=2&compass=3", None, None),
        ("rtsp://h/s?token=abc", "rtsp://h/s?token={password}", "", "abc"),
        ("rtsp://h/user={user}&password={password}", "rtsp://h/user={user}&password={password}", None, None),
        ("file:/x@y", "file:/x@y", None, None),
    ],
)
def test_login_is_taken_out(address: str, bare: str, user: str | None, password: str | None) -> None:
    split = split_login(address)
    assert (split.address, split.user, split.password) == (bare, user, password)
    assert "password='" not in repr(split)
    assert "s3cret" not in repr(split)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("192.168.1.21", "192.168.1.21"),
        ("rtsp://10.0.0.7/s?token={password}", "rtsp://10.0.0.7/s?token={password}"),
        ("file:/etc/passwd", "file:/etc/passwd"),
        ("no address", "no address"),
        ("admin:hunter2@192.168.1.21", "rtsp://192.168.1.21"),
        ("RTSP:/admin:hun/ter2@10.0.0.7/s", "rtsp://10.0.0.7/s"),
        (
            "rtsp://10.0.0.7/user=admin_password=hunter2_channel=1",
            "rtsp://10.0.0.7/user={user}_password={password}_channel=1",
        ),
        ("rtsp://10.0.0.7/s?token=ter2&password=hunter2", ""),
        ("rtsp://10.0.0.7/s?p%61ssword=hunter2", ""),
        ("rtsp://admin:hunter2%4010.0.0.7/s", ""),
        ("admin:hunter2@10.0.0.7 /s", ""),
        ("https://admin:hunter2@10.0.0.7/s", ""),
    ],
)
def test_address_is_shown_again_without_its_login(typed: str, shown: str) -> None:
    assert without_login(typed) == shown


def test_login_goes_back_percent_encoded() -> None:
    assert with_login("rtsp://h/x", "a b", "p@s/s:%") == "rtsp://a%20b:p%40s%2Fs%3A%25@h/x"


def test_login_goes_where_the_path_asks_for_it() -> None:
    assert with_login("rtsp://h/user={user}&password={password}", "u", "p&q") == "rtsp://h/user=u&password=p%26q"


@pytest.mark.parametrize(
    ("address", "filled"),
    [
        ("rtsp://h/user={user}_password={password}_channel=1", "rtsp://h/user=u_password=p@1&/2?x%40_channel=1"),
        ("rtsp://h/s?user={user}&pwd={password}&c=1", "rtsp://h/s?user=u&pwd=p@1%26/2%3Fx%2540&c=1"),
        ("rtsp://h/s?token={password}", "rtsp://h/s?token=p@1%26/2%3Fx%2540"),
    ],
)
def test_login_in_the_path_is_written_as_the_camera_reads_it(address: str, filled: str) -> None:
    assert with_login(address, "u", "p@1&/2?x%40") == filled


def test_blank_never_ends_the_request() -> None:
    assert " " not in with_login("rtsp://h/user={user}_password={password}", "a b", "ü \n")


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_login_that_is_put_in_is_found_again(user: str, password: str) -> None:
    split = split_login(with_login("rtsp://192.0.2.4:554/x", user, password))
    assert (split.address, split.user, split.password) == ("rtsp://192.0.2.4:554/x", user, password)


@given(st.text(max_size=80))
def test_noise_as_address_is_a_problem_or_none(text: str) -> None:
    for address in (text, "rtsp://" + text, "rtsp://h/" + text):
        split = split_login(address)
        assert address_problem(split.address) is None or isinstance(address_problem(split.address), str)


@pytest.mark.parametrize("password", ["", "plain", "p@s/s:%?#", "ümlaut", "a b\"'\\"])
def test_login_comes_out_as_it_went_in(password: str) -> None:
    split = split_login(with_login("rtsp://h:554/x", "user", password))
    assert (split.address, split.user, split.password) == ("rtsp://h:554/x", "user", password)
