#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent that does what agents should not, when it is asked to."""
import os
import signal
import sys

from agent import Agent

agent = Agent()
how = sys.argv[1] if len(sys.argv) > 1 else ""
noted = []


def raw(text):
    agent.out.write(text)
    agent.out.flush()


@agent.method
def echo(params):
    return params


@agent.method
def pid(params):
    return os.getpid()


@agent.method
def note(params):
    noted.append(params)
    agent.tell("noted", params)


@agent.method
def tell_notes(params):
    return noted


@agent.method
def crash(params):
    os.kill(os.getpid(), signal.SIGSEGV)


@agent.method
def leave(params):
    sys.exit(params)


@agent.method
def leave_after_answer(params):
    agent.say(id=params["id"], result="bye")
    os._exit(7)


@agent.method
def nonsense(params):
    raw(params + "\n")


@agent.method
def long_line(params):
    raw("x" * params)
    signal.pause()


@agent.method
def close_output(params):
    os.close(1)
    signal.pause()


@agent.method
def allocate(params):
    noted.append(b"x" * params)
    return params


@agent.method
def silent(params):
    signal.pause()


@agent.method
def wrong_number(params):
    agent.say(id=123456789, result=0)
    return "right"


@agent.method
def files(params):
    import resource
    return [resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            resource.getrlimit(resource.RLIMIT_AS)[1],
            resource.getrlimit(resource.RLIMIT_CPU)[1]]


@agent.method
def child(params):
    pid = os.fork()
    if pid == 0:
        signal.pause()
    return pid


@agent.method
def stubborn(params):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0


if how == "never_ready":
    signal.pause()
if how == "fails":
    sys.exit(3)
if how == "not_json":
    raw("hello\n")
if how == "deaf":
    agent.tell("ready")
    signal.pause()
if how == "beats":
    agent.beat(0.05)
agent.run()
