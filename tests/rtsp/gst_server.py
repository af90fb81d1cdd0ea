#!/usr/bin/python3
"""Looping RTSP server on GStreamer's gst-rtsp-server: an implementation nobody in this project wrote.

usage: /usr/bin/python3 gst_server.py PORT NAME=FILE[,user=U,password=P] ...

Runs with the system's Python, since Debian's ``python3-gi`` belongs to it. Every mount serves its file in an endless
loop without re-encoding; timestamps go on over the seam. PORT 0 takes a free one. Prints ``ready PORT`` when up and
``playing NAME`` with the monotonic clock when a clip starts from its beginning, so that a test knows what is in
the picture when. FILE is MP4 with H.264 or H.265, or QuickTime with MJPEG, and optionally AAC.
"""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstPbutils", "1.0")
from gi.repository import GLib, Gst, GstApp, GstPbutils, GstRtspServer  # noqa: E402, F401  (GstApp adds signals)

VIDEO = {"video/x-h264": "h264", "video/x-h265": "h265", "image/jpeg": "jpeg"}


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def look_into(path):
    """(video codec, has AAC) of a file."""
    found = GstPbutils.Discoverer.new(10 * Gst.SECOND).discover_uri(Gst.filename_to_uri(path))
    video = found.get_video_streams()[0].get_caps().get_structure(0).get_name()
    return VIDEO[video], bool(found.get_audio_streams())


class Loop(GstRtspServer.RTSPMediaFactory):
    """One mount: packets of a file go through appsrc elements into the payloaders."""

    def __init__(self, name, path):
        super().__init__()
        self.name, self.path = name, path
        self.codec, self.has_audio = look_into(path)
        self.set_shared(True)
        self.set_latency(0)
        source = "is-live=true format=time do-timestamp=false block=false max-bytes=0"
        sets = "" if self.codec == "jpeg" else "config-interval=-1"
        number = 26 if self.codec == "jpeg" else 96
        launch = (
            f"( appsrc name=v {source} ! {self.codec}parse {sets} ! rtp{self.codec}pay name=pay0 pt={number} {sets}"
        )
        if self.has_audio:
            launch += f" appsrc name=a {source} ! aacparse ! rtpmp4gpay name=pay1 pt=97"
        self.set_launch(launch + " )")
        self.connect("media-configure", lambda _factory, media: Feeder(self, media))


class Feeder:
    """Demuxes the file at its own pace for as long as somebody watches; starts again at the end."""

    def __init__(self, loop, media):
        self.loop, self.shift_ns, self.end_ns = loop, 0, 0
        element = media.get_element()
        self.sources = {n: element.get_by_name_recurse_up(n) for n in (("v", "a") if loop.has_audio else ("v",))}
        launch = (
            f'filesrc location="{loop.path}" ! qtdemux name=d '
            f"d.video_0 ! queue ! {loop.codec}parse ! appsink name=v sync=true max-buffers=4"
        )
        if loop.has_audio:
            launch += " d.audio_0 ! queue ! aacparse ! appsink name=a sync=true max-buffers=16"
        self.pipeline = Gst.parse_launch(launch)
        for name, source in self.sources.items():
            sink = self.pipeline.get_by_name(name)
            sink.set_property("emit-signals", True)
            sink.connect("new-sample", self.hand_over, source)
        self.bus = self.pipeline.get_bus()
        self.bus.add_signal_watch()
        self.bus.connect("message::eos", self.start_again)
        self.bus.connect("message::error", lambda _bus, m: say(f"error {m.parse_error()}"))
        media.connect("unprepared", self.stop)
        self.pipeline.set_state(Gst.State.PLAYING)
        say(f"playing {loop.name} {time.monotonic():.3f}")

    def hand_over(self, sink, source):
        sample = sink.emit("pull-sample")
        if sample is None:
            return Gst.FlowReturn.EOS
        buffer = sample.get_buffer().copy()
        if source.get_property("caps") is None:
            source.set_property("caps", sample.get_caps())
        length_ns = buffer.duration if buffer.duration != Gst.CLOCK_TIME_NONE else 0
        self.end_ns = max(self.end_ns, buffer.pts + length_ns)
        buffer.pts += self.shift_ns
        if buffer.dts != Gst.CLOCK_TIME_NONE:
            buffer.dts += self.shift_ns
        return source.emit("push-buffer", buffer)

    def start_again(self, _bus, _message):
        self.shift_ns += self.end_ns
        self.end_ns = 0
        self.pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT, 0)
        say(f"playing {self.loop.name} {time.monotonic():.3f}")

    def stop(self, _media):
        self.bus.remove_signal_watch()
        self.pipeline.set_state(Gst.State.NULL)


def permissions(role):
    """'access' refused answers 404, 'construct' refused answers 401 with the challenge, so both are given or not."""
    given = GstRtspServer.RTSPPermissions()
    for name, allowed in (("anonymous", role is None), (role or "nobody", True)):
        given.add_permission_for_role(name, "media.factory.access", True)
        given.add_permission_for_role(name, "media.factory.construct", allowed)
    return given


def main():
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    mounts = server.get_mount_points()
    auth = None
    for argument in sys.argv[2:]:
        name, _, rest = argument.partition("=")
        path, *pairs = rest.split(",")
        options = dict(pair.split("=", 1) for pair in pairs)
        loop = Loop(name, path)
        role = None
        if "user" in options:
            role = name
            if auth is None:
                auth = GstRtspServer.RTSPAuth()
                auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
            token = GstRtspServer.RTSPToken()
            token.set_string("media.factory.role", role)
            auth.add_digest(options["user"], options["password"], token)
        loop.set_permissions(permissions(role))
        mounts.add_factory("/" + name, loop)
    if auth is not None:
        anonymous = GstRtspServer.RTSPToken()
        anonymous.set_string("media.factory.role", "anonymous")
        auth.set_default_token(anonymous)
        server.set_auth(auth)
    server.attach(None)
    say(f"ready {server.get_bound_port()}")
    GLib.timeout_add_seconds(2, lambda: server.get_session_pool().cleanup() or True)
    GLib.MainLoop().run()


main()
