"""Pictures out of multipart bodies as cameras write them; what is sent in one piece or byte by byte gives the same."""

from __future__ import annotations

import random

import pytest

from tests.fakes.jpeg_pictures import make_picture, to_jpeg
from vigilar.capture.http.answer import dump_request, parse_answer, target_of
from vigilar.capture.http.pictures import MAX_BETWEEN_BYTES, Chunks, Garbled, PictureFinder
from vigilar.capture.pictures import MAX_PICTURE_BYTES
from vigilar.capture.rtsp.address import parse_address
from vigilar.capture.rtsp.messages import BadMessage
from vigilar.media.jpeg import EOI, read_size

PICTURES = [to_jpeg(make_picture(160, 96, 20 * number), has_restarts=True) for number in range(4)]
CUT = [picture.removesuffix(EOI) for picture in PICTURES]


def parts(head: str, pictures: list[bytes] = PICTURES, tail: bytes = b"\r\n") -> bytes:
    """Each picture behind ``head``, in which ``{size}`` is its length."""
    return b"".join(head.format(size=len(one)).encode() + one + tail for one in pictures)


BODIES = {
    "as it should be": parts("--b\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"),
    "no length": parts("--b\r\nContent-Type: image/jpeg\r\n\r\n"),
    "no header": parts("--b\r\n\r\n"),
    "no boundary": parts("Content-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"),
    "nothing between": parts("", tail=b""),
    "lines end with LF": parts("--b\nContent-type: image/jpeg\nContent-length: {size}\n\n", tail=b"\n"),
    "length too small": parts("--b\r\nContent-Length: 17\r\n\r\n"),
    "length too large": parts("--b\r\nContent-Length: 99999\r\n\r\n"),
    "length is none": parts("--b\r\nContent-Length: many\r\n\r\n"),
    "boundary in quotes": parts('--"b"\r\n\r\n'),
    "boundary without dashes": parts("b\r\nContent-Length: {size}\r\n\r\n"),
    "boundary stuck to the picture": parts("--b\r\n\r\n", tail=b""),
    "zeros behind": parts("--b\r\n\r\n", tail=bytes(300)),
    "bytes before": b"\r\n\0junk\xff\xd8" + parts("--b\r\n\r\n"),
    "fill bytes behind": parts("--b\r\n\r\n", tail=b"\xff\xff\r\n"),
    "end mark twice": parts("--b\r\n\r\n", tail=EOI + b"\r\n"),
    "sound between": parts("--b\r\nContent-Type: audio/basic\r\n\r\n" + "u" * 900 + "\r\n--b\r\n\r\n"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
def test_pictures_are_found_whatever_stands_between(name: str, step: int) -> None:
    body, finder, found = BODIES[name], PictureFinder(), []
    for at in range(0, len(body), step):
        found += finder.add(body[at : at + step])
    assert found == PICTURES
    assert finder.damaged == 0


def test_pictures_without_their_end_mark_are_ended() -> None:
    by_length, by_next = PictureFinder(), PictureFinder()
    assert by_length.add(parts("--b\r\nContent-Length: {size}\r\n\r\n", CUT) + b"--b\r\n....") == PICTURES
    body = parts("--b\r\n\r\n", CUT, b"")
    found = by_next.add(body)
    assert len(found) == len(PICTURES) - 1
    assert all(read_size(one) == (160, 96) for one in found)


def test_cut_off_picture_is_left_out_where_others_are_whole() -> None:
    finder = PictureFinder()
    body = PICTURES[0] + b"\r\n--b\r\n\r\n" + PICTURES[1][:900] + b"\r\n--b\r\n\r\n" + PICTURES[2]
    assert finder.add(body) == [PICTURES[0], PICTURES[2]]
    assert finder.damaged == 1


def test_small_picture_inside_of_another_is_none() -> None:
    inner = PICTURES[1]
    outer = PICTURES[0][:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + PICTURES[0][2:]
    assert PictureFinder().add(parts("--b\r\n\r\n", [outer, outer])) == [outer, outer]


def test_text_without_a_picture_is_given_up() -> None:
    finder = PictureFinder()
    for _ in range(MAX_BETWEEN_BYTES // 1024):
        assert finder.add(b"x" * 1024) == []
    with pytest.raises(Garbled):
        finder.add(b"x")


def test_picture_without_end_is_given_up() -> None:
    finder = PictureFinder()
    finder.add(CUT[0])
    for _ in range(MAX_PICTURE_BYTES // 65_536 - 1):
        assert finder.add(b"\x55" * 65_536) == []
    with pytest.raises(Garbled):
        finder.add(b"\x55" * 65_536)


def test_damaged_bytes_never_fail() -> None:
    rng = random.Random(11)
    whole = BODIES["as it should be"] * 5
    for _ in range(200):
        body = bytearray(whole)
        for _ in range(rng.randrange(60)):
            body[rng.randrange(len(body))] = rng.choice((0xFF, 0xD8, 0xDA, 0xC4, rng.randrange(256)))
        finder, at = PictureFinder(), 0
        while at < len(body):
            step = rng.randrange(1, 5000)
            for picture in finder.add(bytes(body[at : at + step])):
                read_size(picture)
            at += step


@pytest.mark.parametrize("step", [1, 3, 4096])
def test_chunks_are_taken_off(step: int) -> None:
    body = BODIES["as it should be"]
    coded = b"".join(
        b"%X;x=y\r\n%s\r\n" % (len(body[at : at + 777]), body[at : at + 777]) for at in range(0, len(body), 777)
    )
    chunks = Chunks()
    pieces = [piece for at in range(0, len(coded), step) for piece in chunks.add(coded[at : at + step])]
    assert b"".join(pieces) == body


@pytest.mark.parametrize("line", [b"xyz\r\n", b"-1\r\n", b"FFFFFFFFF\r\n", b"1" * 2000])
def test_chunk_of_no_size_is_garbage(line: bytes) -> None:
    with pytest.raises(Garbled):
        Chunks().add(line)


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://192.0.2.7", "/", "192.0.2.7"),
        ("http://u:p@192.0.2.7:8080/a/b?c=d&e", "/a/b?c=d&e", "192.0.2.7:8080"),
        ("http://[2001:db8::7]/x#y", "/x", "[2001:db8::7]"),
        ("http://cam?stream=1", "/?stream=1", "cam"),
    ],
)
def test_request_names_path_and_host(url: str, target: str, host: str) -> None:
    address = parse_address(url)
    request = dump_request(address, [])
    assert target_of(address) == target
    assert request.startswith(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n".encode())
    assert b"u:p" not in request


@pytest.mark.parametrize(
    ("head", "status", "content"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Type: Multipart/x-mixed-replace; boundary=x", 200, "multipart/x-mixed-replace"),
        (b"ICY 200 OK\ncontent-type:image/jpeg", 200, "image/jpeg"),
        (b"HTTP/1.1 401", 401, ""),
    ],
)
def test_answers_are_read_as_cameras_write_them(head: bytes, status: int, content: str) -> None:
    answer = parse_answer(head)
    assert (answer.status, answer.content) == (status, content)


@pytest.mark.parametrize("head", [b"RTSP/1.0 200 OK", b"HTTP/1.1 20", b"HTTP/1.1 abc", b"", b"<html>"])
def test_other_answers_are_no_http(head: bytes) -> None:
    with pytest.raises(BadMessage):
        parse_answer(head)


def test_size_needs_eight_bits() -> None:
    twelve = bytearray(PICTURES[0])
    at = twelve.index(b"\xff\xc0")
    twelve[at + 4] = 12
    assert read_size(PICTURES[0]) == (160, 96)
    assert read_size(bytes(twelve)) is None
    assert read_size(b"\xff\xd8") is None
    assert read_size(b"") is None
