#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""An agent of the demo: adds up squares, and says which process it is."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from agent import Agent  # noqa: E402

agent = Agent()


@agent.method
def squares(n):
    return sum(i * i for i in range(1, n + 1))


@agent.method
def pid(_):
    return os.getpid()


agent.run()
