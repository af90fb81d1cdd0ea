"""Draws the letters that films are written with into ``vigilar/media/glyphs.bin``, by a browser and DejaVu Sans.

usage: python -m tools.make_glyphs

The product has no library for fonts, and OpenCV writes ASCII alone: a camera may be called Haustür or Огород. So
letters are drawn once, here, and their pictures come with the product (DejaVu's licence allows it). The file: zlib of
a line of JSON (height, ascent, code points as text, advances) and of the pictures side by side, 16 levels, 2 in a byte.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parents[1] / "vigilar" / "media" / "glyphs.bin"
PIXELS = 24
"""Of the font; a film of 720 rows is written with it as it is."""

RANGES = (
    (0x20, 0x7F), (0xA0, 0x250), (0x370, 0x378), (0x37A, 0x380), (0x384, 0x400), (0x400, 0x530), (0x531, 0x557),
    (0x559, 0x560), (0x561, 0x588), (0x10A0, 0x1100), (0x1E00, 0x2000), (0x2010, 0x2028), (0x2030, 0x2060),
    (0x20A0, 0x20BE), (0x2116, 0x2117), (0x2122, 0x2123), (0x2190, 0x219A), (0xFFFD, 0xFFFE),
)  # fmt: skip
"""Latin with Vietnamese, Greek, Cyrillic, Armenian, Georgian, and signs."""

_DRAW = """
([pixels, codes]) => {
  const canvas = document.createElement('canvas');
  const height = Math.ceil(pixels * 1.3), ascent = Math.ceil(pixels * 1.0);
  canvas.width = pixels * 2; canvas.height = height;
  const ink = canvas.getContext('2d', { willReadFrequently: true });
  ink.font = `${pixels}px "DejaVu Sans"`;
  const found = [];
  for (const code of codes) {
    const text = String.fromCodePoint(code);
    const width = Math.min(canvas.width, Math.max(1, Math.round(ink.measureText(text).width)));
    ink.fillStyle = '#000'; ink.fillRect(0, 0, canvas.width, height);
    ink.fillStyle = '#fff'; ink.fillText(text, 0, ascent);
    const data = ink.getImageData(0, 0, width, height).data;
    let grey = '';
    for (let at = 0; at < data.length; at += 4) grey += String.fromCharCode(data[at]);
    found.push([code, width, btoa(grey)]);
  }
  return { height, ascent, found };
}
"""


def main() -> None:
    codes = [code for first, stop in RANGES for code in range(first, stop) if chr(code).isprintable()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"))
        page = browser.new_page()
        page.goto("about:blank")
        drawn: dict[str, Any] = page.evaluate(_DRAW, [PIXELS, codes])
        browser.close()
    height, rows = drawn["height"], [bytearray() for _ in range(drawn["height"])]
    for _, width, text in drawn["found"]:
        grey = base64.b64decode(text)
        for number, row in enumerate(rows):
            row += grey[number * width : (number + 1) * width]
    for row in rows:
        row += bytes(len(row) & 1)
    pixels = b"".join(bytes(row[at] & 0xF0 | row[at + 1] >> 4 for at in range(0, len(row), 2)) for row in rows)
    facts = {
        "height": height,
        "ascent": drawn["ascent"],
        "width": len(rows[0]),
        "codes": "".join(chr(code) for code, _, _ in drawn["found"]),
        "advances": [width for _, width, _ in drawn["found"]],
    }
    TARGET.write_bytes(zlib.compress(json.dumps(facts, ensure_ascii=False).encode() + b"\n" + pixels, 9))
    print(f"{len(codes)} letters, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
