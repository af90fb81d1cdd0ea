"""Two threads that make others of one picture at once, again and again, as those of a camera's process do of one that
is stored and recognised: ``python -m tests.picture_race``. A program, as what goes wrong ends the process."""

from __future__ import annotations

import sys
import threading

import av
import numpy as np

from vigilar.media.decode import Picture

ROUNDS = 200
WIDTH, HEIGHT = 640, 360


def main() -> None:
    turn = threading.Barrier(2)
    noise = np.random.default_rng(1).integers(0, 255, (HEIGHT * 3 // 2, WIDTH), dtype=np.uint8)
    frames = [av.VideoFrame.from_ndarray(noise, format="yuv420p") for _ in range(ROUNDS)]
    pictures = [Picture(0, 0, frame, (WIDTH, HEIGHT)) for frame in frames]

    def recognise() -> None:
        for picture in pictures:
            turn.wait()
            picture.crop_bgr((0.0, 0.0, 1.0, 1.0), (416, 416))

    other = threading.Thread(target=recognise, name="recognise")
    other.start()
    for picture in pictures:
        turn.wait()
        picture.to_jpeg(320)
    other.join()
    sys.stdout.write("all made\n")


if __name__ == "__main__":
    main()
