"""HLS playlists over recordings (RFC 8216): the segments are ranges of records, decrypted when asked for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from vigilar.playback.segments import SEGMENT_MS, Segment, cut_segments
from vigilar.playback.stretch import Stretch


def footage_playlist(
    stretches: Sequence[Stretch], camera_id: str, *, is_finished: bool, segment_ms: int = SEGMENT_MS
) -> str:
    """The playlist of these stretches. Unless ``is_finished`` it has no end yet and only ever grows at its end.

    Addresses are absolute paths, because the same segments serve events and ranges.
    """
    segments = cut_segments(stretches, is_finished=is_finished, length_ms=segment_ms)
    target_s = max((-(-segment.duration_ms // 1000) for segment in segments), default=2)
    folder = f"/footage/{camera_id}"
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, target_s)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if is_finished else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES",
    ]
    for index, segment in enumerate(segments):
        if segment.starts_file:
            lines += _file_lines(segment, camera_id, is_first=index == 0)
        lines.append(f"#EXTINF:{segment.duration_ms / 1000:.3f},")
        lines.append(f"{folder}/{segment.file_id}/{segment.first}-{segment.last}.m4s")
    if is_finished:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _file_lines(segment: Segment, camera_id: str, *, is_first: bool) -> list[str]:
    at = datetime.fromtimestamp(segment.start_ms / 1000, UTC)
    return [
        *([] if is_first else ["#EXT-X-DISCONTINUITY"]),
        f'#EXT-X-MAP:URI="/footage/{camera_id}/{segment.file_id}/init-0.mp4"',
        f"#EXT-X-PROGRAM-DATE-TIME:{at.strftime('%Y-%m-%dT%H:%M:%S')}.{segment.start_ms % 1000:03d}Z",
    ]
