"""Stills of motions: one JPEG, sealed like footage, in a `.vge` file of its own."""

from __future__ import annotations

from vigilar.record.file_store import FileInfo, FileStore
from vigilar.record.writing import OpenFile
from vigilar.vge.format import CloseReason


class Still:
    """A still whose picture is there and can be read by others once its row is; ``finish`` makes it durable and closes
    it.

    Two steps, because an event need not wait for the second.
    """

    def __init__(self, file: OpenFile, utc_ns: int, mono_ns: int) -> None:
        self._file = file
        self._utc_ns = utc_ns
        self._mono_ns = mono_ns

    def store_row(self) -> int:
        """Write its row now, if it is not there, and give its id. Raises StoreError; the row then goes on waiting."""
        return self._file.row.write()

    def finish(self) -> None:
        """Close the file. Never raises for its fate: a crash before this leaves a file that recovery closes."""
        self._file.close(CloseReason.ROLLOVER, "still", utc_ns=self._utc_ns, mono_ns=self._mono_ns)


def begin_still(file_store: FileStore, jpeg: bytes, *, width: int, height: int, utc_ns: int, mono_ns: int) -> Still:
    """Seal ``jpeg``, taken at ``utc_ns``. Raises RecordingError or StoreError; then there is no still."""
    info = FileInfo(
        start_utc_ns=utc_ns, start_mono_ns=mono_ns, timescale=1000, codec="jpeg", width=width, height=height
    )
    file = file_store.begin("still", info)
    try:
        file.writer.append_media(jpeg, utc_ns=utc_ns, mono_ns=mono_ns, duration_ms=0, starts_with_keyframe=True)
    except BaseException:
        file.close(CloseReason.DISK_FULL, "no space for the picture", utc_ns=utc_ns, mono_ns=mono_ns)
        raise
    return Still(file, utc_ns, mono_ns)
