"""A WebSocket's other end, for tests and benchmarks."""

from __future__ import annotations

import simple_websocket


class Client(simple_websocket.Client):  # type: ignore[misc]  # it has no types
    """The library's, which forgets what came in one piece with the handshake's answer until more comes: with the end of
    the connection behind it, nothing more does, and the message is lost."""

    def _thread(self) -> None:
        self.connected = self._handle_events()
        super()._thread()
