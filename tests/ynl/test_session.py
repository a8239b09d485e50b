#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of a group, by the kernel's YNL library and our spec alone.

Groups belong to a process and a socket, so this is one process, not a row of
calls of cli.py. Speaks TAP; needs the module.
"""

import os
import re
import select
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from common import SCHEMA, SPEC, YNL, check, run_steps  # noqa: E402
sys.path.insert(0, YNL)
from lib import NlError, YnlFamily  # noqa: E402

DEADLINE_S = 60


class Child:
    """A child that exits with a code when it is told to, or waits for ever."""

    def __init__(self):
        inside, self.go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.go)
            code = os.read(inside, 1)
            os._exit(code[0] if code else 0)
        os.close(inside)

    def end(self, code):
        os.write(self.go, bytes([code]))
        os.waitpid(self.pid, 0)


class Session:
    def __init__(self):
        self.ynl = YnlFamily(SPEC, SCHEMA)
        self.group = None
        self.child = None
        self.records = []

    def refused(self, sentence, name, attrs):
        try:
            self.ynl.do(name, attrs)
        except NlError as e:
            check(sentence in str(e), f'another sentence: {e}')
            return e.error
        raise AssertionError(f'{name} {attrs} was accepted')

    def wait_for(self, found):
        """Reads notifications until one of the records is found."""
        poll = select.poll()
        poll.register(self.ynl.sock.fileno(), select.POLLIN)
        while True:
            self.ynl.check_ntf()
            for ntf in self.ynl.async_msg_queue:
                check(ntf['name'] == 'record-ntf', ntf)
                check(ntf['msg']['group'] == self.group['id'], ntf)
                self.records += ntf['msg']['record']
            self.ynl.async_msg_queue.clear()
            for record in self.records:
                if found(record):
                    return record
            check(poll.poll(DEADLINE_S * 1000),
                  f'no such record among {self.records}')

    def create(self):
        self.group = self.ynl.do('group-new', {'policy': 'kill'})
        check(len(self.group['token']) == 16, self.group)
        check(self.group['id'] > 0 and self.group['policy'] == 'kill',
              self.group)

    def attach(self):
        self.child = Child()
        pidfd = os.pidfd_open(self.child.pid)
        added = self.ynl.do('member-add', {
            'group': self.group['id'], 'pidfd': pidfd, 'cookie': 4711})
        os.close(pidfd)
        check(added['added'] == 1 and added['group'] == self.group['id'],
              added)
        self.child.member = added['id']
        self.child.lineage = added['lineage']

    def attach_again(self):
        pidfd = os.pidfd_open(self.child.pid)
        error = self.refused('member of a group already', 'member-add', {
            'group': self.group['id'], 'pidfd': pidfd})
        os.close(pidfd)
        check(os.strerror(error) == 'File exists', error)

    def look(self):
        mine = {'group': self.group['id']}
        members = self.ynl.dump('member-get', mine)
        check(len(members) == 1, members)
        one = self.ynl.do('member-get', mine | {'pid': self.child.pid})
        check(one == members[0], (one, members))
        check(one['cookie'] == 4711 and one['pid'] == self.child.pid and
              one['kind'] == 'process' and one['state'] == 'alive' and
              one['id'] == self.child.member, one)
        groups = self.ynl.dump('group-get', {})
        check([g['processes'] for g in groups
               if g['id'] == self.group['id']] == [1], groups)

    def inside_limits(self):
        """What the kernel's policies say no to comes back with its reason."""
        mine = {'id': self.group['id'], 'signal': 65}
        check(self.refused('signal', 'group-kill', mine) > 0, '')

    def notify(self):
        self.child.end(7)
        record = self.wait_for(lambda r: r['kind'] == 'exit')
        check(record['pid'] == self.child.pid and record['code'] == 7 and
              record['signal'] == 0 and record['cookie'] == 4711 and
              record['member'] == self.child.member and
              record['seq'] == 1, record)
        self.wait_for(lambda r: r['kind'] == 'lineage-empty' and
                      r['lineage'] == self.child.lineage)
        self.wait_for(lambda r: r['kind'] == 'group-empty')

    def dump_records(self):
        batches = self.ynl.dump('record-get', {'group': self.group['id']})
        return [r for b in batches for r in b.get('record', [])]

    def kept(self):
        """Records are kept until acknowledged."""
        mine = {'group': self.group['id']}
        kept = self.dump_records()
        check(kept == self.records, (kept, self.records))
        last = self.records[-1]['seq']
        self.ynl.do('record-ack', mine | {'seq': last})
        left = self.dump_records()
        check(left == [], left)
        one = self.ynl.do('group-get', {'id': self.group['id']})
        check(one['records'] == 0 and one['acked'] == last, one)

    def kill(self):
        self.child = Child()
        pidfd = os.pidfd_open(self.child.pid)
        self.ynl.do('member-add', {'group': self.group['id'],
                                   'pidfd': pidfd})
        os.close(pidfd)
        told = self.ynl.do('group-kill', {'id': self.group['id'],
                                          'signal': int(signal.SIGTERM)})
        check(told == {'signalled': 1, 'refused': 0}, told)
        _, status = os.waitpid(self.child.pid, 0)
        check(os.WTERMSIG(status) == signal.SIGTERM, status)
        record = self.wait_for(lambda r: r['kind'] == 'exit' and
                               r['pid'] == self.child.pid)
        check(record['signal'] == signal.SIGTERM, record)

    def delete(self):
        self.ynl.do('group-del', {'id': self.group['id']})
        error = self.refused('no such group', 'group-get',
                             {'id': self.group['id']})
        check(os.strerror(error) == 'No such file or directory', error)

    def listed(self):
        """By libnl's program; with as many operations as the spec has."""
        shown = subprocess.run(['genl-ctrl-list', '-d'], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        family = re.search(r'^0x[0-9a-f]+ sup version 1$\n((^ .*$\n?)*)', shown,
                           re.MULTILINE)
        check(family, shown)
        ops = re.findall(r'^ +op .*\((0x[0-9a-f]+)\)', family[1], re.MULTILINE)
        check(sorted(int(op, 16) for op in ops) ==
              sorted(op.req_value for op in self.ynl.ops.values()), family[1])

    def run(self):
        return run_steps([
            (self.listed, 'genl-ctrl-list shows the family'),
            (self.create, 'creates a group'),
            (self.attach, 'attaches a process'),
            (self.attach_again, 'is told why another attempt is refused'),
            (self.look, 'sees it in dumps and by its pid'),
            (self.inside_limits, 'is told what the policy does not permit'),
            (self.notify, 'is notified of its end, without asking'),
            (self.kept, 'dumps and acknowledges records'),
            (self.kill, 'kills, and is notified of that'),
            (self.delete, 'deletes the group'),
        ])


if __name__ == '__main__':
    sys.exit(Session().run())
