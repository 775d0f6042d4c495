"""A WHIP encoder and WHEP player of GStreamer's webrtcbin, for the tests.

gstreamer.py publish|play URL TOKEN CODEC LOSS [OFFER-FILE]

It prints what happens as lines of JSON, and ends its session with DELETE when its
standard input ends. LOSS is the share of RTP packets that are thrown away just above
the network: of those it sends when it publishes, of those it receives when it plays.
"""
import json
import random
import re
import sys
import threading
import urllib.error
import urllib.request
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "h264": "openh264enc bitrate=400000 complexity=low gop-size=400 ! h264parse ! rtph264pay "
            "aggregate-mode=zero-latency config-interval=-1 pt=96 ! application/x-rtp,media=video,encoding-name=H264,"
            "payload=96,clock-rate=90000",
    "vp8": "vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=400 ! rtpvp8pay picture-id-mode=15-bit "
           "pt=96 ! application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
}
SOURCES = """
webrtcbin name=rtc bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball background-color=0xff1414dc foreground-color=0xffffffff
  ! video/x-raw,format=I420,width=640,height=360,framerate=20/1 ! %s ! queue ! rtc.
audiotestsrc is-live=true freq=1330 volume=0.5 ! audioconvert ! audioresample ! audio/x-raw,channels=2,rate=48000
  ! opusenc ! rtpopuspay pt=97 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! queue ! rtc.
"""
CAPS = "application/x-rtp,media=%s,encoding-name=%s,payload=%d,clock-rate=%d%s"

role, url, token, codec, loss = sys.argv[1:6]
loss = float(loss)
rtx = set()  # payload types of repairs
counts = {"dropped": 0, "repaired": 0, "frames": 0, "samples": 0, "colour": None}
session = None


def tell(**what):
    print(json.dumps(what), flush=True)


def request(method, address, body=None):
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = "Bearer " + token
    return urllib.request.urlopen(urllib.request.Request(address, body, headers, method=method), timeout=10)


def lose(pad, info):
    buffer = info.get_buffer()
    first = buffer.extract_dup(0, 2) if buffer and buffer.get_size() > 2 else b"\0\0"
    rtp = 128 <= first[0] < 192 and not 64 <= first[1] & 127 < 96
    if rtp and random.random() < loss:
        counts["dropped"] += 1
        return Gst.PadProbeReturn.DROP
    if rtp and first[1] & 127 in rtx:
        counts["repaired"] += 1
    return Gst.PadProbeReturn.OK


def deep_element_added(_bin, _sub, element):
    wanted, pad = ("nicesink", "sink") if role == "publish" else ("nicesrc", "src")
    factory = element.get_factory()
    if loss and factory and factory.get_name() == wanted:
        element.get_static_pad(pad).add_probe(Gst.PadProbeType.BUFFER, lose)


def gathered(*_):
    if rtc.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    threading.Thread(target=exchange, daemon=True).start()


def exchange():
    global session
    offer = rtc.get_property("local-description").sdp.as_text()
    if len(sys.argv) > 6:
        with open(sys.argv[6], "w") as f:
            f.write(offer)
    try:
        answer = request("POST", url, offer.encode())
    except urllib.error.HTTPError as e:
        tell(error="%d %s" % (e.code, e.read().decode()))
        return
    session = urljoin(url, answer.headers["Location"])
    text = answer.read().decode()
    tell(answer=text)
    rtx.update(int(n) for n in re.findall(r"a=rtpmap:(\d+) rtx/", text))
    _, message = GstSdp.SDPMessage.new_from_text(text)
    rtc.emit("set-remote-description",
             GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message), None)


def offered(promise, *_):
    reply = promise.get_reply()
    if reply.has_field("error"):
        tell(error=str(reply.get_value("error")))
        return
    offer = reply.get_value("offer")
    rtc.emit("set-local-description", offer, None)


def decoded(_, pad):
    caps = pad.get_current_caps() or pad.query_caps(None)
    kind = caps.get_structure(0).get_name()
    text = "queue ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=1,height=1 ! fakesink name=end sync=false" \
        if kind.startswith("video") else "queue ! fakesink name=end sync=false"
    end = Gst.parse_bin_from_description(text, True)
    pipeline.add(end)
    end.sync_state_with_parent()
    pad.link(end.get_static_pad("sink"))

    def count(_pad, info):
        if kind.startswith("video"):
            counts["frames"] += 1
            counts["colour"] = list(info.get_buffer().extract_dup(0, 3))
        else:
            counts["samples"] += info.get_buffer().get_size() // 4
        return Gst.PadProbeReturn.OK
    end.get_by_name("end").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, count)


def received(_, pad):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    decode = Gst.ElementFactory.make("decodebin")
    decode.connect("pad-added", decoded)
    pipeline.add(decode)
    decode.sync_state_with_parent()
    pad.link(decode.get_static_pad("sink"))


def report():
    tell(state=rtc.get_property("connection-state").value_nick, **counts)
    return True


def finish():
    sys.stdin.read()
    if session:
        tell(deleted=request("DELETE", session).status)
    loop.quit()


Gst.init(None)
loop = GLib.MainLoop()
if role == "publish":
    pipeline = Gst.parse_launch(SOURCES % ENCODERS[codec])
    rtc = pipeline.get_by_name("rtc")
    for i in range(2):
        t = rtc.emit("get-transceiver", i)
        t.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        t.set_property("do-nack", True)
else:
    pipeline, rtc = Gst.Pipeline(), Gst.ElementFactory.make("webrtcbin")
    rtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    rtc.set_property("latency", 400)  # ms, time for repairs
    pipeline.add(rtc)
    for kind, name, payload, rate, more in (("audio", "OPUS", 97, 48000, ",encoding-params=(string)2"), ("video", codec.upper(), 96, 90000, "")):
        t = rtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                     Gst.Caps.from_string(CAPS % (kind, name, payload, rate, more)))
        t.set_property("do-nack", True)
    rtc.connect("pad-added", received)
rtc.connect("deep-element-added", deep_element_added)
rtc.connect("notify::ice-gathering-state", gathered)
rtc.connect("on-negotiation-needed", lambda *_: rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(offered)))
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", lambda _b, m: tell(error=str(m.parse_error())))
GLib.timeout_add(500, report)
pipeline.set_state(Gst.State.PLAYING)
threading.Thread(target=finish, daemon=True).start()
loop.run()
pipeline.set_state(Gst.State.NULL)
