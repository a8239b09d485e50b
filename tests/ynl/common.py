# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, and TAP, for the tests beside it."""

import os
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SOURCE = TOP + '/build/cache/linux-source-6.12'
YNL = SOURCE + '/tools/net/ynl'
SPEC = TOP + '/Documentation/netlink/specs/sup.yaml'
SCHEMA = SOURCE + '/Documentation/netlink/genetlink-legacy.yaml'


def check(truth, what):
    if not truth:
        raise AssertionError(what)


def run_steps(steps):
    """Pairs of a function and its name, until one fails; an exit status."""
    print(f'1..{len(steps)}', flush=True)
    for n, (step, name) in enumerate(steps, 1):
        try:
            step()
        except Exception:  # the library, too, raises plain ones
            print('# ' + traceback.format_exc().replace('\n', '\n# '))
            print(f'not ok {n} - {name}', flush=True)
            return 1
        print(f'ok {n} - {name}', flush=True)
    return 0
