"""HLS playlists over recordings (RFC 8216): the segments are ranges of records, decrypted when asked for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from vigilar.web.footage.library import Stretch
from vigilar.web.footage.segments import Segment, cut_segments


def footage_playlist(stretches: Sequence[Stretch], camera_id: str, *, is_finished: bool) -> str:
    """The playlist of these stretches. Unless ``is_finished`` it has no end yet and only ever grows at its end.

    Addresses are absolute paths, because the same segments serve events and ranges.
    """
    segments = cut_segments(stretches, is_finished=is_finished)
    target_s = max((-(-segment.duration_ms // 1000) for segment in segments), default=2)
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
        lines += _lines(segment, camera_id, is_first=index == 0)
    if is_finished:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _lines(segment: Segment, camera_id: str, *, is_first: bool) -> list[str]:
    folder = f"/footage/{camera_id}/{segment.file_id}"
    lines = []
    if segment.starts_file:
        if not is_first:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f'#EXT-X-MAP:URI="{folder}/init-{segment.init_number}.mp4"')
        at = datetime.fromtimestamp(segment.start_ms / 1000, UTC)
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{at.strftime('%Y-%m-%dT%H:%M:%S')}.{segment.start_ms % 1000:03d}Z")
    return [*lines, f"#EXTINF:{segment.duration_ms / 1000:.3f},", f"{folder}/{segment.first}-{segment.last}.m4s"]
