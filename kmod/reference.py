#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints the reference of a netlink family, in Markdown, from its spec.

usage: reference.py YNL SPEC HEADER

YNL is tools/net/ynl of a kernel source, whose reader of specs numbers what
the spec does not. Each name that is printed has to stand in HEADER, which is
generated from the same spec.
"""

import re
import sys

COPYING = '((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)'


class Header:
    """The names in a C header."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as header:
            self.words = set(re.findall(r'\w+', header.read()))

    def name(self, *parts):
        """The C name made of parts; one that is not there is an error."""
        name = re.sub('[^A-Za-z0-9]', '_', ''.join(parts)).upper()
        if name not in self.words:
            sys.exit(f'reference: {name} is not in the header')
        return name


def text(element):
    """What the spec says of an element, as one line of Markdown."""
    words = ' '.join(element.get('doc', '').split())
    return words.replace('|', r'\|').replace('<', r'\<')


def table(*rows):
    """The first row is the heading."""
    rows = [rows[0], ['---'] * len(rows[0]), *rows[1:]]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def link(kind, name):
    return f'[{name}](#{kind}-{name})'


def type_of(attr):
    """The type of an attribute, and what its value has to be."""
    checks = attr.get('checks', {})
    words = [attr.type]
    if attr.sub_type:
        words.append(f'of {attr.sub_type}')
    if 'nested-attributes' in attr:
        words.append('of ' + link('attributes', attr['nested-attributes']))
    if 'enum' in attr:
        if attr.get('enum-as-flags') and \
                attr.family.consts[attr['enum']].type == 'enum':
            words[-1] += ', a bit for each'
        words.append(link('values', attr['enum']))
    if attr.is_multi:
        words.append('(several)')
    for key, meaning in (('min', 'at least'), ('max', 'at most'),
                         ('min-len', 'at least, in bytes,'),
                         ('max-len', 'at most, in bytes,'),
                         ('exact-len', 'in bytes:')):
        if key in checks:
            words[-1] += ','
            words.append(f'{meaning} {checks[key]}')
    return ' '.join(words)


def names_in(message):
    """A message's attributes, as words."""
    names = (message or {}).get('attributes', [])
    return ', '.join(f'`{name}`' for name in names) or 'nothing'


def modes(op):
    """A line for each way in which a command or event comes."""
    one, all_of_them = op.get('do', {}), op.get('dump', {})
    if 'do' in op:
        yield (f'- do: takes {names_in(one.get("request"))}; '
               f'replies {names_in(one.get("reply"))}')
    if 'dump' in op:
        same = one.get('reply') == all_of_them.get('reply')
        takes = (f'takes {names_in(all_of_them["request"])}; '
                 if 'request' in all_of_them else '')
        yield f'- dump: {takes}replies ' + (
            'the same for each' if same else names_in(all_of_them.get('reply')))
    if 'event' in op:
        yield f'- event: has {names_in(op["event"])}'
    if 'notify' in op:
        yield f'- event: has what `{op["notify"]}` replies'


def command(header, prefix, op):
    """A command or event, with its number and what is said in it."""
    line = (f'`{header.name(prefix, op.name)}`, {op.value}. '
            f'Attributes: {link("attributes", op.attr_set.name)}.')
    if op.get('flags'):
        line += f' Flags: {", ".join(op["flags"])}.'
    if op.get('mcgrp'):
        line += f' Multicast group: `{op["mcgrp"]}`.'
    return '\n'.join([f'### {op.name}', '', line, '', text(op), '',
                      *modes(op)])


def commands(header, family):
    prefix = family['operations'].get('name-prefix', f'{family.name}-cmd-')
    return [command(header, prefix, op) for op in family.msgs.values()
            if not op.is_resv]


def attributes(header, attr_set):
    prefix = attr_set.yaml.get('name-prefix', f'a-{attr_set.name}-')
    rows = [[str(attr.value), f'`{attr.name}`',
             f'`{header.name(prefix, attr.name)}`', type_of(attr), text(attr)]
            for attr in attr_set.attrs.values() if attr.type != 'pad']
    return '\n'.join([
        f'### Attributes: {attr_set.name}', '',
        table(['', 'name', 'in C', 'type', 'meaning'], *rows)])


def values(header, family, enum):
    prefix = enum.get('name-prefix', f'{family.name}-{enum.name}-')
    rows = [[str(entry.user_value()), f'`{entry.name}`',
             f'`{header.name(prefix, entry.name)}`', text(entry)]
            for entry in enum.entries.values()]
    lines = [f'### Values: {enum.name}', '']
    if 'doc' in enum:
        lines += [text(enum), '']
    return '\n'.join(lines + [table(['', 'name', 'in C', 'meaning'], *rows)])


def constants(header, family, consts):
    rows = [[f'`{header.name(family.name, "-", const["name"])}`',
             str(const['value']), text(const)] for const in consts]
    return table(['in C', 'value', 'meaning'], *rows)


def page(header, family):
    enums = [const for const in family.consts.values()
             if hasattr(const, 'entries')]
    consts = [const for const in family.consts.values()
              if isinstance(const, dict) and const['type'] == 'const']
    groups = [group.name for group in family.mcast_groups.values()]
    yield (f'<!-- SPDX-License-Identifier: {COPYING} -->\n'
           '<!-- Made by kmod/regen.sh from '
           f'netlink/specs/{family.name}.yaml: do not edit. -->')
    yield f'# Reference of the netlink family `{family.name}`'
    yield f'Version {family.get("version", 1)}. ' + text(family)
    if groups:
        yield 'Multicast groups: ' + ', '.join(f'`{g}`' for g in groups) + '.'
    yield '## Commands and events'
    yield from commands(header, family)
    yield '## Attributes'
    yield from (attributes(header, s) for s in family.attr_sets.values())
    yield '## Values'
    if consts:
        yield constants(header, family, consts)
    yield from (values(header, family, enum) for enum in enums)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    ynl, spec, header = sys.argv[1:]
    sys.path.insert(0, ynl)
    sys.dont_write_bytecode = True
    from lib import SpecFamily  # pylint: disable=import-outside-toplevel

    print('\n\n'.join(page(Header(header), SpecFamily(spec))))


main()
