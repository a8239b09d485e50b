#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of a group, by the kernel's YNL library and our spec alone.

Groups belong to a process and a socket, so this is one process, not a row of
calls of cli.py. Speaks TAP; needs the module.
"""

import os
import select
import signal
import sys
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SOURCE = TOP + '/build/cache/linux-source-6.12'
SPEC = TOP + '/Documentation/netlink/specs/sup.yaml'
SCHEMA = SOURCE + '/Documentation/netlink/genetlink-legacy.yaml'
DEADLINE_S = 20

sys.dont_write_bytecode = True
sys.path.insert(0, SOURCE + '/tools/net/ynl')
from lib import NlError, YnlFamily  # noqa: E402


def check(truth, what):
    if not truth:
        raise AssertionError(what)


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

    def run(self):
        steps = [
            (self.create, 'creates a group'),
            (self.attach, 'attaches a process'),
            (self.attach_again, 'is told why another attempt is refused'),
            (self.look, 'sees it in dumps and by its pid'),
            (self.inside_limits, 'is told what the policy does not permit'),
            (self.notify, 'is notified of its end, without asking'),
            (self.kept, 'dumps and acknowledges records'),
            (self.kill, 'kills, and is notified of that'),
            (self.delete, 'deletes the group'),
        ]
        print(f'1..{len(steps)}')
        for n, (step, name) in enumerate(steps, 1):
            try:
                step()
            except Exception:  # of the library, too, which raises plain ones
                print('# ' + traceback.format_exc().replace('\n', '\n# '))
                print(f'not ok {n} - {name}', flush=True)
                return 1
            print(f'ok {n} - {name}', flush=True)
        return 0


if __name__ == '__main__':
    sys.exit(Session().run())
