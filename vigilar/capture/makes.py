"""Where the usual makes of cameras have their streams, for a person who knows no more than the camera's address.

Sources: the makers' own manuals and support pages. A path that two makes share stands once. ``words`` are found in what
the camera says of itself before it lets anybody in (the headers Server and WWW-Authenticate).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Make:
    """``paths`` are of the main stream and the small one, the latter empty when there is none, in the order to try."""

    name: str
    paths: tuple[tuple[str, str], ...]
    words: tuple[str, ...] = ()


MAKES: tuple[Make, ...] = (
    Make("Reolink", (("Preview_01_main", "Preview_01_sub"), ("h264Preview_01_main", "h264Preview_01_sub")),
         ("bc streaming", "reolink")),
    Make("Hikvision", (("Streaming/Channels/101", "Streaming/Channels/102"),
                       ("h264/ch1/main/av_stream", "h264/ch1/sub/av_stream")),
         ("hikvision", "ip camera(", "embedded net dvr")),
    Make("Dahua", (("cam/realmonitor?channel=1&subtype=0", "cam/realmonitor?channel=1&subtype=1"),),
         ("login to ", "dahua", "amcrest")),
    Make("TP-Link", (("stream1", "stream2"),), ("tp-link", "tapo", "vigi")),
    Make("Axis", (("axis-media/media.amp", "axis-media/media.amp?resolution=640x360"),), ("axis",)),
    Make("Ubiquiti", (("s0", "s2"),), ("ubnt", "ubiquiti")),
    Make("Hanwha", (("profile2/media.smp", "profile3/media.smp"),), ("ipolis", "wisenet", "hanwha", "samsung")),
    Make("Foscam", (("videoMain", "videoSub"),), ("foscam",)),
    Make("Uniview", (("media/video1", "media/video2"), ("unicast/c1/s0/live", "unicast/c1/s1/live")), ("uniview",)),
    Make("Vivotek", (("live1s1.sdp", "live1s2.sdp"), ("live.sdp", "live2.sdp")), ("vivotek", "streaming server")),
    Make("Bosch", (("rtsp_tunnel", "rtsp_tunnel?inst=2"),), ("bosch",)),
    Make("Hipcam", (("11", "12"),), ("hipcam",)),
    Make("Yoosee", (("onvif1", "onvif2"),), ("yoosee", "gwell")),
    Make("XMEye", (("user={user}_password={password}_channel=1_stream=0.sdp?real_stream",
                    "user={user}_password={password}_channel=1_stream=1.sdp?real_stream"),), ("h264dvr",)),
)  # fmt: skip
"""In the order of how many there are in homes."""

COMMON = (
    ("live", ""),
    ("live/ch00_0", "live/ch00_1"),
    ("ch0", "ch1"),
    ("0", "1"),
    ("live/main", "live/sub"),
    ("main", "sub"),
    ("video1", "video2"),
    ("stream", ""),
    ("h264", ""),
    ("video", ""),
    ("", ""),
)
"""Of no make in particular: cheap cameras, phones, programs."""


def paths_for(banner: str) -> list[tuple[str, str, str]]:
    """Make, main path, small path in the order to try for a camera that says ``banner`` of itself, its own make first.

    A login goes into the path of those makes alone whose words were said: whoever else is asked would get the password
    in the clear.
    """
    said = banner.lower()
    known = [make for make in MAKES if any(word in said for word in make.words)]
    others = [make for make in MAKES if make not in known and "{password}" not in make.paths[0][0]]
    found = [(make.name, main, small) for make in [*known, *others] for main, small in make.paths]
    return [*found, *(("", main, small) for main, small in COMMON)]
