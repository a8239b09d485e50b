#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns a netlink spec into the tables of the fuzzer (a C header, on stdout).

usage: spec_table.py SPEC

What is not understood ends it: a fuzzer that leaves a part of the protocol out
without a word is worse than one that does not build.

Numbers and secrets that requests take are often such as replies or events have
told before. Attributes of the same class can stand for each other: "id" of a
set is of the class of the set's name ("group"), others are of the class of
their name, or of its last word ("owner-pid": "pid").
"""

import re
import sys
import yaml

NUMBERS = {'u8': 1, 'u16': 2, 'u32': 4, 'u64': 8,
           's8': 1, 's16': 2, 's32': 4, 's64': 8}
KINDS = {'flag': 'KIND_FLAG', 'string': 'KIND_DATA', 'binary': 'KIND_DATA',
         'nest': 'KIND_NEST', 'pad': 'KIND_PAD'}
# What the fuzzer itself knows how to find, and other names of the same.
KNOWN = ['group', 'member', 'pid', 'start-ticks', 'pidfd']
ALIASES = {'parent': 'group', 'tgid': 'pid', 'acked': 'seq'}
DATA_MAX = 32


def die(what):
    sys.exit(f'spec_table.py: {what}')


def c_name(*parts):
    return re.sub('[^A-Za-z0-9]', '_', ''.join(parts)).upper()


class Table:
    def __init__(self, spec):
        self.spec = spec
        self.defs = {d['name']: d for d in spec.get('definitions', [])}
        self.sets = {s['name']: s for s in spec['attribute-sets']}
        self.ops = spec['operations']
        self.classes = list(KNOWN)
        self.find_classes()

    def number(self, text):
        if text in self.defs and self.defs[text]['type'] == 'const':
            return int(self.defs[text]['value'])
        limit = re.fullmatch('([us])(8|16|32|64)-(min|max)', str(text))
        if limit:
            bits = int(limit[2]) - (limit[1] == 's')
            return 2**bits - 1 if limit[3] == 'max' else 0
        return int(str(text), 0)

    def entries(self, name):
        """The values of an enum or of flags."""
        if name not in self.defs:
            die(f'no definition of {name}')
        what = self.defs[name]
        value = what.get('value-start', 0)
        values = []
        for entry in what['entries']:
            if isinstance(entry, dict) and 'value' in entry:
                value = entry['value']
            values.append(1 << value if what['type'] == 'flags' else value)
            value += 1
        return values

    def attrs(self, set_name):
        s = self.sets[set_name]
        if 'subset-of' not in s:
            return s['attributes']
        whole = {a['name']: a for a in self.attrs(s['subset-of'])}
        return [whole[a['name']] | a for a in s['attributes']]

    def class_of(self, set_name, attr):
        if attr['type'] in ('flag', 'nest', 'pad', 'string') or 'enum' in attr:
            return None
        name = set_name if attr['name'] == 'id' else attr['name']
        for key in (name, name.rsplit('-', 1)[-1]):
            key = ALIASES.get(key, key)
            if key in self.classes:
                return key
        return None

    def requests(self, op):
        for kind in ('do', 'dump'):
            if kind in op:
                yield kind, self.request(op, kind)

    def request(self, op, kind):
        """Names of the attributes; a dump without a list takes those of do."""
        for k in (kind, 'do'):
            found = op.get(k, {}).get('request', {}).get('attributes')
            if found:
                return found
        return []

    def find_classes(self):
        """Classes are the names of what requests take."""
        for op in self.ops['list']:
            for _, names in self.requests(op):
                for attr in self.attrs(op['attribute-set']):
                    name = attr['name']
                    if name not in names or name == 'id':
                        continue
                    name = ALIASES.get(name, name)
                    if attr['type'] in NUMBERS | {'binary': 0} and \
                            'enum' not in attr and name not in self.classes:
                        self.classes.append(name)
        for name in self.sets:
            if name not in self.classes:
                self.classes.append(name)
        if len(self.classes) > 60:
            die('more classes of values than the fuzzer can keep')

    def limits(self, attr):
        """Least and greatest number, mask (0: none), least and most bytes."""
        kind, checks = attr['type'], attr.get('checks', {})
        low, high, mask = 0, 0, 0
        if kind in NUMBERS:
            high = 2**(8 * NUMBERS[kind]) - 1
        if 'enum' in attr:
            values = self.entries(attr['enum'])
            if attr.get('enum-as-flags') or \
                    self.defs[attr['enum']]['type'] == 'flags':
                mask = sum(values)
            else:
                low, high = min(values), max(values)
        if 'flags-mask' in checks:
            what = checks['flags-mask']
            mask = sum(self.entries(what)) if what in self.defs else \
                self.number(what)
        low = self.number(checks.get('min', low))
        high = self.number(checks.get('max', high))
        least = checks.get('exact-len', checks.get('min-len', 0))
        most = checks.get('exact-len', checks.get('max-len', DATA_MAX))
        return low, high, mask, self.number(least), self.number(most)

    def attr_line(self, set_name, attr):
        kind = attr['type']
        if kind in NUMBERS:
            c_kind = 'KIND_NUMBER'
        elif kind in KINDS:
            c_kind = KINDS[kind]
        else:
            die(f'{set_name}.{attr["name"]}: type {kind} is not known')
        prefix = self.sets[set_name].get(
            'name-prefix', f'{self.spec["name"]}-a-{set_name}-')
        cls = self.class_of(set_name, attr)
        nest = attr.get('nested-attributes')
        low, high, mask, least, most = self.limits(attr)
        return (f'\t{{ "{attr["name"]}", {c_name(prefix, attr["name"])}, '
                f'{c_kind}, {NUMBERS.get(kind, 0)}, '
                f'{c_name("class-", cls or "none")}, '
                f'{list(self.sets).index(nest) if nest else -1}, '
                f'{low}ull, {high}ull, {mask}ull, {least}, {most} }},')

    def print_sets(self):
        for name in self.sets:
            print(f'static const struct attr attrs_{c_name(name)}[] = {{')
            for attr in self.attrs(name):
                print(self.attr_line(name, attr))
            print('};\n')
        print('static const struct attr_set attr_sets[] = {')
        for name in self.sets:
            array = f'attrs_{c_name(name)}'
            print(f'\t{{ "{name}", {array}, ARRAY_SIZE({array}) }},')
        print('};\n')

    def print_op(self, op):
        prefix = self.ops.get('name-prefix', f'{self.spec["name"]}-cmd-')
        known = [a['name'] for a in self.attrs(op['attribute-set'])]
        lists = {}
        for kind, names in self.requests(op):
            for name in names:
                if name not in known:
                    die(f'{op["name"]}: no attribute {name}')
            lists[kind] = [known.index(n) for n in names]
            if len(names) > 32:
                die(f'{op["name"]}: more than 32 attributes')
        event = 'event' in op or 'notify' in op
        print(f'\t{{ "{op["name"]}", {c_name(prefix, op["name"])}, '
              f'{list(self.sets).index(op["attribute-set"])}, '
              f'{str(event).lower()},\n\t  {{')
        for kind in ('do', 'dump'):
            have = lists.get(kind)
            numbers = ', '.join(str(n) for n in have or [0])
            print(f'\t\t{{ {str(have is not None).lower()}, '
                  f'{len(have or [])}, {{ {numbers} }} }},')
        print('\t  } },')

    def print_all(self):
        print('/* SPDX-License-Identifier: GPL-2.0-or-later */')
        print('/* Made by spec_table.py from the netlink spec. */\n')
        print('#ifndef WITH_TABLES\nenum class {\n\tCLASS_NONE,')
        for name in self.classes:
            print(f'\t{c_name("class-", name)},')
        print('\tNCLASSES\n};\n')
        print('#else')
        self.print_sets()
        print('static const struct op ops[] = {')
        for op in self.ops['list']:
            if 'attribute-set' not in op:
                die(f'{op["name"]}: has no attribute-set')
            self.print_op(op)
        print('};\n#endif')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        die('usage: spec_table.py SPEC')
    with open(sys.argv[1], encoding='utf-8') as f:
        Table(yaml.safe_load(f)).print_all()
