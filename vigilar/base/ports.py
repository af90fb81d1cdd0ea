"""TCP ports: which are free, and the sentence for one that is not."""

from __future__ import annotations

import errno
import socket

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_free(host: str, port: int) -> bool:
    """Whether a server could listen on ``host:port`` now. OSError when it may not, or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def check_page_port(listen: str, port: int) -> None:
    """Raises VigilarError: BUSY when another program listens there, CONFIG when we cannot listen there at all."""
    try:
        is_free = is_port_free(listen, port)
    except OSError as error:
        raise VigilarError(
            f"the page cannot be served on {listen} port {port}: {error.strerror}",
            next_step="Set [web] listen and port in the configuration.",
            exit_code=ExitCode.CONFIG,
        ) from error
    if not is_free:
        raise VigilarError(
            f"port {port}, wanted for the page, is taken by another program",
            next_step="Stop that program, or choose another port with [web] port in the configuration.",
            kind=ErrorKind.TRANSIENT,
            exit_code=ExitCode.BUSY,
        )
