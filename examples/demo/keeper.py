#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""At SIGUSR1 starts a grandchild by a double fork and lets go of it. The
grandchild writes its pid to the fifo "grandchild", and ends with status 7 at
SIGUSR2."""

import os
import signal
import socket


def notify(text):
    name = os.environ.get("NOTIFY_SOCKET")
    if not name:
        return
    if name[0] == "@":
        name = "\0" + name[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), name)


def grandchild():
    os.setsid()
    with open("grandchild", "w") as fifo:
        fifo.write(f"{os.getpid()}\n")
    signal.sigwait({signal.SIGUSR2})
    os._exit(7)


def let_go():
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            grandchild()
        os._exit(0)
    os.waitpid(child, 0)


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGUSR2})
notify("READY=1")
while True:
    signal.sigwait({signal.SIGUSR1})
    let_go()
