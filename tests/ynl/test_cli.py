#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The YNL command-line client shows what the module has, by our spec alone.

A holder process owns a group meanwhile: its thread is a member, and three
children. Speaks TAP; needs the module.
"""

import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from common import SCHEMA, SPEC, TOP, YNL, check, run_steps  # noqa: E402


def cli(*words, status=0, pass_fds=()):
    """What cli.py prints; it reads the spec anew each time, which is slow.

    Flags are a set for it, printed in an order that hangs on the hash seed.
    """
    done = subprocess.run(
        [sys.executable, '-B', YNL + '/cli.py', '--spec', SPEC,
         '--output-json', *words], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
        pass_fds=pass_fds,
        env={**os.environ, 'PYTHONHASHSEED': '0'})
    check(done.returncode == status, done)
    return done.stdout


class Holder:
    def __init__(self):
        self.process = subprocess.Popen(
            [TOP + '/build/tests/kselftest/sup_holder'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check(self.process.stdout.readline() == 'ready\n', 'no holder')

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Test:
    def __init__(self):
        self.holder = Holder()
        self.group = {}
        self.member = {}

    def dump_groups(self):
        groups = json.loads(cli('--schema', SCHEMA, '--dump', 'group-get'))
        # Others may have left some that wait for an adopter.
        ours = [g for g in groups
                if g['owner-pid'] == self.holder.process.pid]
        check(len(ours) == 1, groups)
        self.group = ours[0]
        want = {'processes': 3, 'threads': 1, 'state': 'owned',
                'policy': 'kill', 'owner-uid': 0,
                'owner-pid': self.holder.process.pid}
        check(want.items() <= self.group.items(), self.group)
        check(set(self.group['flags']) ==
              {'inherit-threads', 'inherit-children'}, self.group)
        check('token' not in self.group, 'a secret is shown to all')

    def dump_members(self):
        members = json.loads(cli(
            '--no-schema', '--dump', 'member-get',
            '--json', json.dumps({'group': self.group['id']})))
        check(sorted(m['kind'] for m in members) ==
              ['process', 'process', 'process', 'thread'], members)
        check(all(m['comm'] == 'sup_holder' and m['state'] == 'alive'
                  for m in members), members)
        check(len({m['lineage'] for m in members}) == 4, members)
        self.member = [m for m in members if m['kind'] == 'process'][0]
        os.kill(self.member['pid'], 0)

    def get_both(self):
        """Two requests in one message."""
        one = {'group': self.group['id'], 'pid': self.member['pid']}
        group, member = json.loads(cli(
            '--no-schema',
            '--multi', 'group-get', json.dumps({'id': self.group['id']}),
            '--multi', 'member-get', json.dumps(one)))
        check(group == self.group, group)
        check(member == self.member, member)

    def life(self):
        """A group's, from create to kill; and another's is observed.

        A group goes with the socket that made it, so all is one call, whose
        words have to name the group before it is made: ids count up.

        The child is stopped, so it dies of the group's end, by its policy, and
        not of the signal that the group is sent: cli.py fails when it finds a
        record between two answers, which it has not asked for.
        """
        made = json.loads(cli('--no-schema', '--do', 'group-new', '--json',
                              json.dumps({'policy': 'kill'})))
        next_id = made['id'] + 1
        child = subprocess.Popen(['sleep', '1000'])
        pidfd = os.pidfd_open(child.pid)
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        mine = {'group': next_id}
        steps = [
            ('observe', {'id': self.group['id'], 'events': ['exec']}),
            ('group-new', {'policy': 'kill', 'credit': 3}),
            ('member-add', mine | {'pidfd': pidfd, 'cookie': 4711}),
            ('member-get', mine | {'pid': child.pid}),
            ('group-get', {'id': next_id}),
            ('group-kill', {'id': next_id, 'signal': int(signal.SIGTERM)}),
        ]
        words = [w for name, attrs in steps
                 for w in ('--multi', name, json.dumps(attrs))]
        answers = json.loads(cli('--no-schema', *words, pass_fds=[pidfd]))
        os.close(pidfd)
        check(child.wait() == -signal.SIGKILL, child)
        observed, group, added, member, seen, killed = answers
        check(observed is None, observed)
        check(group['id'] == next_id and group['credit'] == 3 and
              len(group['token']) == 32, group)
        check(added['group'] == next_id and added['added'] == 1, added)
        check(member['pid'] == child.pid and member['cookie'] == 4711 and
              member['id'] == added['id'], member)
        check(seen['processes'] == 1, seen)
        check(killed == {'signalled': 1, 'refused': 0}, killed)

    def refusal(self):
        said = cli('--no-schema', '--do', 'group-kill', '--json',
                   json.dumps({'id': self.group['id'], 'signal': 9}),
                   status=1)
        check('Operation not permitted' in said and 'does not own' in said,
              said)
        os.kill(self.member['pid'], 0)

    def refused_attribute(self):
        said = cli('--no-schema', '--do', 'group-get', '--json',
                   json.dumps({'id': 2**63}), status=1)
        check('no such group' in said and "'bad-attr': '.id'" in said, said)

    def run(self):
        status = run_steps([
            (self.dump_groups, 'cli.py dumps groups'),
            (self.dump_members, 'cli.py dumps members'),
            (self.get_both, 'cli.py gets a group and a member'),
            (self.life, 'creates a group, attaches, observes, kills'),
            (self.refusal, 'a refusal comes with its sentence'),
            (self.refused_attribute, 'and names the attribute'),
        ])
        self.holder.end()
        return status


if __name__ == '__main__':
    sys.exit(Test().run())
