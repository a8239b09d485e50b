#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of supd's control socket that does not behave.

usage: hostile.py SOCKET raw TEXT    sends TEXT, prints the last reply
       hostile.py SOCKET long        sends a request of 100,000 bytes
       hostile.py SOCKET crowd N     connects N times and asks for nothing,
                                     prints what the last one is told
       hostile.py SOCKET deaf        asks for everything and reads nothing,
                                     until stdin ends
"""

import json
import socket
import sys


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    s.connect(path)
    return s


def last_reply(s):
    reply = s.recv(65536)
    while reply and json.loads(reply).get("t") != "end":
        reply = s.recv(65536)
    return reply.decode()


def main():
    path, what = sys.argv[1:3]
    s = connect(path)
    if what == "raw":
        s.send(sys.argv[3].encode())
        print(last_reply(s))
    elif what == "long":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400000)
        s.send(b'{"v":1,"op":"tree","x":"' + b"a" * 100000 + b'"}')
        print(last_reply(s))
    elif what == "crowd":
        crowd = [connect(path) for _ in range(int(sys.argv[3]))]
        print(crowd[-1].recv(65536).decode())
    elif what == "deaf":
        crowd = [s] + [connect(path) for _ in range(8)]
        for one in crowd:
            one.send(b'{"v":1,"op":"events","follow":true}')
        print("deaf", flush=True)
        sys.stdin.read()


main()
