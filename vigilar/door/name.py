"""The house's name on the network: ``vigilar.local`` leads to this machine (multicast DNS, RFC 6762 and 6763).

Only for whoever can reach the pages at all: a house that listens on loopback alone says nothing. Where another house
has the name already, this one is ``vigilar-2.local``, and so on.
"""

from __future__ import annotations

import logging
import threading

from zeroconf import Error, IPVersion, ServiceInfo, Zeroconf

from vigilar.base.stop import Stop
from vigilar.door.authority import is_private
from vigilar.door.certificates import own_addresses

logger = logging.getLogger(__name__)

SERVICE = "_http._tcp.local."
LOOK_EVERY_S = 60.0
ASK_MS = 1500
MOST_HOUSES = 5


class HouseName:
    """One thread beside those of zeroconf, begun by ``start`` where there is somebody to tell."""

    def __init__(self, listen: str, port: int) -> None:
        self._listen = listen
        self._port = port
        self._stop = Stop()
        self._thread = threading.Thread(target=self._run, name="web-name", daemon=True)
        self.name = ""

    def start(self) -> None:
        if not self._listen.startswith("127.") and self._listen != "::1":
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        """Tell, look now and then whether the addresses are others, take the name back at the end."""
        try:
            with Zeroconf(ip_version=IPVersion.V4Only) as network:
                told: ServiceInfo | None = None
                while not self._stop.is_set():
                    told = self._tell(network, told)
                    self._stop.wait(LOOK_EVERY_S)
                if told is not None:
                    network.unregister_service(told)
        except (OSError, Error) as error:
            logger.info("%s cannot be told to the network: %s", self.name or "the name vigilar.local", error)
        except Exception:  # the top of this worker: a name is a convenience
            logger.exception("the name of the house could not be told to the network")

    def _tell(self, network: Zeroconf, told: ServiceInfo | None) -> ServiceInfo | None:
        addresses = sorted(
            one.packed for one in own_addresses() if one.version == 4 and is_private(one) and not one.is_loopback
        )
        if not addresses or (told is not None and sorted(told.addresses) == addresses):
            return told
        if told is None:
            self.name = self._free_name(network, addresses)
        info = ServiceInfo(
            SERVICE,
            f"{self.name.removesuffix('.local').title()}.{SERVICE}",
            addresses=addresses,
            port=self._port,
            server=f"{self.name}.",
        )
        if told is None:
            network.register_service(info, allow_name_change=True)
            logger.info("the house is called %s on the network", self.name)
        else:
            network.update_service(info)
        return info

    def _free_name(self, network: Zeroconf, addresses: list[bytes]) -> str:
        """``vigilar.local``, unless another machine answers to it."""
        for number in range(1, MOST_HOUSES):
            name = "vigilar.local" if number == 1 else f"vigilar-{number}.local"
            service = f"{name.removesuffix('.local').title()}.{SERVICE}"
            found = network.get_service_info(SERVICE, service, ASK_MS)
            if found is None or found.server != f"{name}." or set(found.addresses) <= set(addresses):
                return name
        return f"vigilar-{MOST_HOUSES}.local"
