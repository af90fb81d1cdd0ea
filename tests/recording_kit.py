"""What tests of recording share: packets without content, packets of a real clip, and a recorder on real parts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from tests.ready_store import open_ready_store
from vigilar.base.clock import Clock, SimulatedClock, SystemClock, boot_id
from vigilar.media.bitstream import setup_of_extradata
from vigilar.media.encode import ClipWriter
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Kind, Packet, RunStart, StreamInfo, StreamRole
from vigilar.record.choice import looked_back_s
from vigilar.record.file_store import FileStore, FileStoreSettings
from vigilar.record.free_space import FreeSpace, free_space_of
from vigilar.record.recorder import Recorder, RecorderSettings
from vigilar.record.ring import MAX_RING_BYTES, PacketRing
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.files import FileRow, find_files
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

TICKS = Fraction(1, 90_000)
START_UTC_NS = 1_770_000_000_000_000_000
START_MONO_NS = 1_000_000_000
FOREVER_MS = 4_000_000_000_000
PLAIN_VIDEO = StreamInfo(Kind.VIDEO, "h264", TICKS, width=320, height=180)


def plain_run(run: int = 1, at_s: float = 0.0) -> RunStart:
    return RunStart(
        StreamRole.MAIN, run, (PLAIN_VIDEO,), START_UTC_NS + int(at_s * 1e9), START_MONO_NS + int(at_s * 1e9)
    )


def plain_packet(at_s: float, is_keyframe: bool = False, run: int = 1, size: int = 100, fps: int = 10) -> Packet:
    """A video packet without a picture in it, ``at_s`` seconds after the start."""
    at_ns, dts = round(at_s * 1e9), round(at_s * 90_000)
    return Packet(
        Kind.VIDEO, bytes(size), dts, dts, 90_000 // fps, TICKS, is_keyframe, run, START_UTC_NS + at_ns,
        START_MONO_NS + at_ns,
    )  # fmt: skip


def plain_packets(seconds: float, gop_s: float = 1.0, fps: int = 10, run: int = 1, from_s: float = 0.0) -> list[Packet]:
    gop = round(gop_s * fps)
    return [
        plain_packet(from_s + index / fps, is_keyframe=index % gop == 0, run=run, fps=fps)
        for index in range(round(seconds * fps))
    ]


@dataclass(frozen=True, slots=True)
class Clip:
    """A real clip as packets of one run, its times beginning at START."""

    streams: tuple[StreamInfo, ...]
    packets: list[Packet]
    duration_ns: int

    @property
    def video(self) -> list[Packet]:
        return [packet for packet in self.packets if packet.kind is Kind.VIDEO]

    def run(self, run: int = 1, at_s: float = 0.0) -> RunStart:
        at_ns = int(at_s * 1e9)
        return RunStart(StreamRole.MAIN, run, self.streams, START_UTC_NS + at_ns, START_MONO_NS + at_ns)

    def endless(self, run: int = 1, at_s: float = 0.0) -> Iterator[Packet]:
        """The clip over and over, its times going on; the first packet is at ``at_s``."""
        at_ns = int(at_s * 1e9)
        while True:
            for packet in self.packets:
                ticks = int(Fraction(at_ns, 10**9) / packet.time_base)
                yield replace(
                    packet,
                    run=run,
                    pts=packet.pts + ticks,
                    dts=packet.dts + ticks,
                    utc_ns=packet.utc_ns + at_ns,
                    mono_ns=packet.mono_ns + at_ns,
                )
            at_ns += self.duration_ns


def make_clip(
    folder: Path,
    *,
    seconds: int = 4,
    fps: int = 10,
    gop: int = 10,
    has_sound: bool = False,
    size: tuple[int, int] = (160, 96),
) -> Clip:
    """Draw a clip with a moving bar and read it back as Annex B packets."""
    path = folder / f"clip-{seconds}-{fps}-{gop}-{has_sound}-{size[0]}.mp4"
    if not path.exists():
        width, height = size
        with ClipWriter(path, width, height, fps, gop, has_sound=has_sound) as writer:
            for index in range(seconds * fps):
                picture = np.full((height, width, 3), 40, np.uint8)
                at = index * 3 % (width - 16)
                picture[:, at : at + 16] = 200
                writer.write(picture)
    return read_clip(path)


def read_clip(path: Path) -> Clip:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        sound = container.streams.audio[0] if container.streams.audio else None
        setup = setup_of_extradata("h264", video.codec_context.extradata or b"")
        streams = [StreamInfo(Kind.VIDEO, "h264", video.time_base or TICKS, setup, video.width, video.height)]
        if sound is not None:
            streams.append(
                StreamInfo(
                    Kind.AUDIO, "aac", sound.time_base or TICKS, sound.codec_context.extradata or b"",
                    sample_rate=sound.rate or 0, channels=sound.channels,
                )
            )  # fmt: skip
        annex_b = BitStreamFilterContext("h264_mp4toannexb", video)
        packets = []
        for raw in container.demux():
            if raw.dts is None:
                continue
            is_video = raw.stream is video
            packets += [_packet(one, is_video) for one in (annex_b.filter(raw) if is_video else [raw])]
        packets.sort(key=lambda packet: (packet.mono_ns, packet.kind is Kind.AUDIO))
        end = max(packet.mono_ns + int(packet.duration_s * 1e9) for packet in packets if packet.kind is Kind.VIDEO)
        # Sound that lasts longer than the pictures would overlap itself when the clip is repeated.
        packets = [p for p in packets if p.dts >= 0 and p.mono_ns + int(p.duration_s * 1e9) <= end]
        return Clip(tuple(streams), packets, end - START_MONO_NS)


def _packet(raw: Any, is_video: bool) -> Packet:
    at_ns = int(raw.dts * raw.time_base * 10**9)
    return Packet(
        Kind.VIDEO if is_video else Kind.AUDIO, bytes(raw), raw.pts, raw.dts, raw.duration or 1, raw.time_base,
        is_video and raw.is_keyframe, 1, START_UTC_NS + at_ns, START_MONO_NS + at_ns,
    )  # fmt: skip


@dataclass(slots=True)
class Bench:
    """A recorder with all its real parts and a clock that the test turns."""

    data_dir: Path
    store: Store
    keys: KeyRing
    clock: SimulatedClock
    ring: PacketRing
    file_store: FileStore
    recorder: Recorder
    free: list[FreeSpace]
    facts: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)

    def feed(self, packets: list[Packet], *, tick_s: float = 0.2) -> None:
        """Add packets as time passes, and let the recorder look every ``tick_s``."""
        due_ns = self.clock.mono_ns() + int(tick_s * 1e9)
        for packet in packets:
            while packet.mono_ns >= due_ns:
                self.clock.advance((due_ns - self.clock.mono_ns()) / 1e9)
                self.recorder.run_once()
                due_ns += int(tick_s * 1e9)
            self.ring.add(packet)
        self.clock.advance(max(0, packets[-1].mono_ns - self.clock.mono_ns()) / 1e9)
        self.recorder.run_once()

    def wait(self, seconds: float) -> None:
        """Let time pass without a packet."""
        for _ in range(round(seconds * 5)):
            self.clock.advance(0.2)
            self.recorder.run_once()

    def write_rows(self) -> None:
        """What the thread of the rows does."""
        assert self.file_store.rows.write_waiting()

    def rows(self) -> list[FileRow]:
        """The rows as they are once the thread of the rows has had its turn, which may fail."""
        self.file_store.rows.write_waiting()
        return find_files(self.store, "front", "video", 0, FOREVER_MS)

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.facts]

    def path(self, row: FileRow) -> Path:
        return self.data_dir / row.path

    def plaintext(self, row: FileRow) -> bytes:
        with VgeReader.open(self.path(row), self.keys) as reader:
            return b"".join(reader.read_range(0, reader.plaintext_bytes))

    def marks(self, row: FileRow) -> list[bytes]:
        with VgeReader.open(self.path(row), self.keys) as reader:
            return [reader.read(entry) for entry in reader.entries if entry.type is RecordType.MARK]


@contextmanager
def bench(
    folder: Path,
    settings: RecorderSettings | None = None,
    *,
    ring_s: float | None = None,
    ring_bytes: int = MAX_RING_BYTES,
    make_muxer: Any = FragmentMuxer,
    check_folder: Callable[[], None] = lambda: None,
    is_real_time: bool = False,
) -> Iterator[Bench]:
    """A recorder of the camera ``front`` in ``folder``. ``is_real_time``: by the box's clock, not the test's."""
    with closing(open_ready_store(folder)) as store:
        row = ensure_camera(store, "front", "Front door", 1)
        keys, clock = KeyRing.load_or_create(folder / "secrets"), SimulatedClock(START_UTC_NS, START_MONO_NS)
        time: Clock = SystemClock() if is_real_time else clock
        whose = FileStoreSettings("front", row.uuid, folder, boot_id(), check_folder=check_folder)
        file_store = FileStore(whose, store, keys, time)
        wanted = settings or RecorderSettings()
        ring = PacketRing(looked_back_s(wanted.mode, wanted.before_s) if ring_s is None else ring_s, ring_bytes)
        facts: list[tuple[str, int, dict[str, Any]]] = []
        free = [free_space_of(folder)]
        recorder = Recorder(
            wanted, ring, file_store, time, lambda *fact: facts.append(fact), make_muxer,
            lambda _folder: free[0],
        )  # fmt: skip
        yield Bench(folder, store, keys, clock, ring, file_store, recorder, free, facts)


def probe_times(data: bytes, folder: Path, stream: str = "v:0") -> list[tuple[float, float, bool]]:
    """What ffprobe, which nobody here wrote, reads in ``data``: (dts, duration, is keyframe) of each packet."""
    path = folder / "probe.mp4"
    path.write_bytes(data)
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        stream,
        "-show_entries",
        "packet=dts_time,duration_time,flags",
    ]
    done = subprocess.run([*command, "-of", "json", str(path)], capture_output=True, check=True)
    assert not done.stderr, done.stderr
    packets = json.loads(done.stdout)["packets"]
    return [(float(p["dts_time"]), float(p["duration_time"]), "K" in p["flags"]) for p in packets]


def flip_bit(path: Path, offset: int) -> None:
    """Change one bit of a file in its place, as a dying disk does."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
