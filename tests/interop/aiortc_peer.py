"""A WHIP encoder and WHEP player of aiortc, for the tests; as gstreamer.py.

aiortc_peer.py publish|play URL TOKEN CODEC LOSS [OFFER-FILE]
"""
import asyncio
import fractions
import json
import random
import re
import sys
import urllib.error
import urllib.request
from urllib.parse import urljoin

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport

role, url, token, codec, loss = sys.argv[1:6]
loss = float(loss)
rtx = set()  # payload types of repairs
counts = {"dropped": 0, "repaired": 0, "frames": 0, "samples": 0, "colour": None}


def tell(**what):
    print(json.dumps(what), flush=True)


def request(method, address, body=None):
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = "Bearer " + token
    return urllib.request.urlopen(urllib.request.Request(address, body, headers, method=method), timeout=10)


def unlucky(data):
    if random.random() < loss:
        counts["dropped"] += 1
        return True
    counts["repaired"] += data[1] & 127 in rtx
    return False


send, handle = RTCDtlsTransport._send_rtp, RTCDtlsTransport._handle_rtp_data


async def lossy_send(self, data):
    if role != "publish" or 64 <= data[1] & 127 < 96 or not unlucky(data):
        await send(self, data)


async def lossy_handle(self, data, arrival_time_ms):
    if role != "play" or not unlucky(data):
        await handle(self, data, arrival_time_ms)


if loss:
    RTCDtlsTransport._send_rtp, RTCDtlsTransport._handle_rtp_data = lossy_send, lossy_handle


encode = H264Encoder._encode_frame


def encode_as_asked(self, frame, force_keyframe):
    # aiortc 1.4 makes no H.264 key picture when it is asked for one; a new encoder does.
    if force_keyframe:
        self.codec = None
    yield from encode(self, frame, force_keyframe)


H264Encoder._encode_frame = encode_as_asked


class Blue(VideoStreamTrack):
    """A blue picture with something that moves."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(640, 360, "yuv420p")
        y = bytearray(bytes([41]) * len(bytes(frame.planes[0])))
        at = pts // 3000 % 300
        for row in range(200, 220):
            start = row * frame.planes[0].line_size + at
            y[start:start + 20] = bytes([235]) * 20
        frame.planes[0].update(bytes(y))
        frame.planes[1].update(bytes([240]) * frame.planes[1].buffer_size)
        frame.planes[2].update(bytes([110]) * frame.planes[2].buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


async def watch(track):
    try:
        while True:
            frame = await track.recv()
            if track.kind == "video":
                counts["frames"] += 1
                counts["colour"] = [int(v) for v in frame.to_ndarray(format="rgb24").mean(axis=(0, 1))]
            else:
                counts["samples"] += frame.samples
    except MediaStreamError:
        pass


async def main():
    pc = RTCPeerConnection()
    if role == "publish":
        pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
        video = pc.addTransceiver(Blue(), direction="sendonly")
        wanted = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType.lower() in ("video/" + codec, "video/rtx")]
        video.setCodecPreferences(wanted)
    else:
        pc.addTransceiver("audio", direction="recvonly")
        pc.addTransceiver("video", direction="recvonly")
        pc.on("track", lambda track: asyncio.ensure_future(watch(track)))
    await pc.setLocalDescription(await pc.createOffer())
    if len(sys.argv) > 6:
        with open(sys.argv[6], "w") as f:
            f.write(pc.localDescription.sdp)
    loop = asyncio.get_running_loop()
    try:
        answer = await loop.run_in_executor(None, request, "POST", url, pc.localDescription.sdp.encode())
    except urllib.error.HTTPError as e:
        tell(error="%d %s" % (e.code, e.read().decode()))
        return
    session = urljoin(url, answer.headers["Location"])
    text = answer.read().decode()
    tell(answer=text)
    rtx.update(int(n) for n in re.findall(r"a=rtpmap:(\d+) rtx/", text))
    await pc.setRemoteDescription(RTCSessionDescription(text, "answer"))
    end = loop.run_in_executor(None, sys.stdin.read)
    while not end.done():
        tell(state=pc.connectionState, **counts)
        await asyncio.wait([end], timeout=0.5)
    deleted = await loop.run_in_executor(None, request, "DELETE", session)
    tell(deleted=deleted.status)
    await pc.close()


asyncio.run(main())
