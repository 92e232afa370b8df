#!/usr/bin/env python3
"""Page tables against QEMU: random mappings, three opinions on each.

qemu.py MDLSIM [--seed N] [--keep FOLDER]

For each paging mode a seeded random scenario (qemu_scenarios.py) is run and its memory dumped. Then
must agree: what mdlsim says of each mapping (pte(va)...), what an obvious walk over the dump finds
(page_walk.py), and what a processor of QEMU says that runs with the dump's page tables
(qemu_guest.py). Without QEMU the first two are compared, and the rest is skipped. TAP.
"""
import argparse
import collections
import contextlib
import itertools
import pathlib
import struct
import subprocess
import sys
import tempfile
import traceback

import core_file
import page_walk
import qemu_guest
from page_walk import ADDRESS, PCD, PRESENT, PWT
from qemu_scenarios import Scenario

CASES = (('x64', 1), ('x64-la57', 1), ('x86-pae', 1), ('x64', 2))  # architecture and seed
PROCESSES = ('app', 'other')  # by the processor that each runs on
TOUCHES = 500
MAPPINGS = 1000  # at least so many in each
SIZES = {1: 1 << 12, 2: 1 << 21, 3: 1 << 30}
CACHES = {0: 'MmCached', PWT: 'MmWriteCombined', PCD | PWT: 'MmNonCached'}
NO_QEMU = f'no {qemu_guest.QEMU} here: apt-get install qemu-system-x86'


class Case:
    """One scenario, its dump, and the walks over it."""

    def __init__(self, mdlsim, folder, arch, seed):
        self.mdlsim, self.folder, self.arch = mdlsim, folder, arch
        self.scenario = Scenario(arch, seed)
        self.dump = self.run('plain', self.scenario.text())
        self.core = core_file.CoreFile(self.dump)
        self.path = folder / f'{arch}-plain.core'
        self.frames = self.core.frames()
        self.paging = page_walk.Paging.of(self.core)
        self.leaves = {name: page_walk.leaves(self.core, root, self.paging, self.frames)
                       for name, (_, root) in self.core.spaces.items()}

    def run(self, name, text):
        """Runs a scenario, which must end well; the bytes of its dump."""
        scenario = self.folder / f'{self.arch}-{name}.yaml'
        core = self.folder / f'{self.arch}-{name}.core'
        scenario.write_text(text, encoding='utf-8')
        done = subprocess.run([self.mdlsim, 'run', '-q', '--format', 'none', '--dump-memory',
                               str(core), str(scenario)], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return core.read_bytes()


def same(found, expected, what):
    """Lists of equal rows; the first rows that differ otherwise."""
    if found == expected:
        return
    show = lambda rows: [tuple(f'{x:#x}' if isinstance(x, int) else x for x in row)
                         if isinstance(row, tuple) else row for row in list(rows)[:5]]
    raise AssertionError(f'{what}: {len(found)} found, {len(expected)} expected; '
                         f'only found {show(r for r in found if r not in expected)}, '
                         f'only expected {show(r for r in expected if r not in found)}')


def assertion(leaf):
    """What mdlsim must say of a mapping."""
    entry = f'pte({leaf.address:#x})'
    level = next(n for n, size in SIZES.items() if size == leaf.size)
    flags = leaf.flags()
    says = {'writable': leaf.write, 'executable': leaf.execute, 'user': leaf.user,
            'global': 'G' in flags, 'accessed': 'A' in flags, 'dirty': 'D' in flags}
    words = [f'{entry}.present', f'{entry}.level == {level}',
             f'{entry}.pfn == {leaf.physical >> 12:#x}',
             f'{entry}.cache == {CACHES[leaf.entry & (PCD | PWT)]}',
             f'pa({leaf.address + leaf.size - 8:#x}) == {leaf.physical + leaf.size - 8:#x}']
    words += [('' if value else 'not ') + f'{entry}.{name}' for name, value in says.items()]
    return '    - assert: ' + ' and '.join(words)


def test_pte(case, _):
    """mdlsim says of each mapping what the walk over the dump finds"""
    leaves = case.leaves['app']
    assert len(leaves) >= MAPPINGS, f'{len(leaves)} mappings'
    # Of system space the thread that ends last can speak.
    user = [leaf for leaf in case.leaves['other'] if leaf.user]
    assert len(user) >= 20, len(user)
    text = case.scenario.text({'app': [assertion(leaf) for leaf in leaves],
                               'other': [assertion(leaf) for leaf in user]})
    assert case.run('asserted', text) == case.dump, 'asserts changed the memory'


def test_kinds(case, _):
    """Among the mappings is every kind: size, owner, rights, accessed and dirty bits"""
    leaves = [leaf for name in PROCESSES for leaf in case.leaves[name]]
    found = {(leaf.size, leaf.user) for leaf in leaves}
    wanted = {(SIZES[1], True), (SIZES[1], False)}
    if case.scenario.large:
        wanted |= {(SIZES[2], True), (SIZES[2], False)}
    if case.scenario.large and not case.paging.pae:
        wanted.add((SIZES[3], True))
    assert found == wanted, (found, wanted)
    kinds = collections.defaultdict(set)
    for leaf in leaves:
        bits = ''.join(letter for letter in leaf.flags() if letter in 'AD')
        kinds[leaf.user, leaf.write, leaf.execute].add(bits)
    for rights in itertools.product((False, True), repeat=3):
        assert kinds[rights] >= ({'', 'A', 'DA'} if rights[1] else {'A'}), (rights, kinds[rights])


def test_registers(case, guests):
    """QEMU has the control registers of the dump"""
    for cpu, name in enumerate(PROCESSES):
        cr = case.core.cpus[cpu]['cr']
        wanted = {'CR0': cr[0], 'CR3': cr[3], 'CR4': cr[4], 'EFER': case.core.efer[cpu], 'HLT': 1}
        found = guests[name].registers()
        assert found == wanted, (found, wanted)
        assert cr[3] == case.core.spaces[name][1]


def test_notes(case, guests):
    """QEMU's dump of itself has notes of the same layout, and the same control registers in them"""
    theirs = guests['app'].own_notes(case.folder / 'qemu.core')
    ours = [note for note in case.core.notes if note[0] != 'mdlsim']
    shape = lambda notes: [(name, kind, len(content)) for name, kind, content in notes]
    theirs = [note for note in theirs if note[0] in ('CORE', 'QEMU')]
    first = lambda notes, name: next(note for note in notes if note[0] == name)
    ours, theirs = ([first(notes, 'CORE'), first(notes, 'QEMU')] for notes in (ours, theirs))
    if case.paging.pae:  # without more than 4 GiB of memory QEMU takes ELFCLASS32, and its note
        ours, theirs = ours[1:], theirs[1:]
    same(shape(ours), shape(theirs), 'notes')
    mine, qemus = (core_file.parse_state(notes[-1][2]) for notes in (ours, theirs))
    assert mine['cr'] == qemus['cr'], (mine, qemus)
    if not case.paging.pae:
        assert mine['segments']['cs'][2] == qemus['segments']['cs'][2]  # flags of 64-bit code


def test_flipped(case, _):
    """A dump with one bit of one entry flipped is told from the right one"""
    leaf = case.scenario.random.choice(case.leaves['app'])
    table = leaf.path[-1][1] & ADDRESS
    index = leaf.address // leaf.size % 512
    at = next(at + table - first for first, at, length in case.core.loads
              if first <= table < first + length) + 8 * index
    wrong = bytearray(case.dump)
    wrong[at] ^= 1 << case.scenario.random.choice([1, 2, 5, 6])  # W, U, A or D
    path = case.folder / 'flipped.core'
    path.write_bytes(wrong)
    with qemu_guest.Guest(case.folder, path, case.core) as guest:
        try:
            test_tlb(case, {'app': guest})
        except AssertionError:
            return
    raise AssertionError('nobody noticed')


def check_tlb(guest, leaves):
    found = [(v, p & ADDRESS, flags) for v, p, flags in guest.info_tlb()]
    same(found, [(leaf.address, leaf.physical, leaf.flags()) for leaf in leaves], 'mappings')


def check_tables(case, guest, leaves, frames):
    """Every table above the leaves; the window is no entry of the dump's."""
    tables = {guest.root} | {entry & ADDRESS for leaf in leaves for _, entry in leaf.path}
    for at in sorted(tables):
        entries = list(struct.unpack('<512Q', frames[at]))
        found = guest.words(at, 512)
        if at == guest.window.table:
            found[guest.window.index] = 0
        if at == guest.root and case.paging.pae:
            # QEMU marks these too, where the manual has no such bit
            found = [entry & ~page_walk.ACCESSED for entry in found]
        same(found, entries, f'table {at:#x}')


def test_tlb(case, guests):
    """info tlb lists the same mappings with the same bits"""
    for name, guest in guests.items():
        check_tlb(guest, case.leaves[name])


def test_mem(case, guests):
    """info mem joins them to the same ranges of the same permissions"""
    for name, guest in guests.items():
        found = guest.info_mem()
        same(found, page_walk.ranges(case.leaves[name]), f'ranges of {name}')


def test_gva2gpa(case, guests):
    """gva2gpa translates each mapping, and nothing beside them"""
    for name, guest in guests.items():
        rows = []
        mapped = set()
        for leaf in case.leaves[name]:
            offset = case.scenario.random.randrange(leaf.size)
            rows.append((leaf.address + offset, leaf.physical + offset))
            mapped.add(leaf.address)
        beside = {leaf.address + leaf.size for leaf in case.leaves[name]} - mapped
        rows += [(at, None) for at in sorted(beside) if guest.outside_window(at)]
        found = [(at, guest.gva2gpa(at)) for at, _ in rows]
        same(found, rows, f'translations of {name}')


def test_tables(case, guests):
    """The tables of every level are in QEMU's memory as in the dump, accessed bits too"""
    for name, guest in guests.items():
        check_tables(case, guest, case.leaves[name], case.frames)


def test_touches(case, _):
    """The same touches set the same accessed and dirty bits in both, at every level"""
    rng = case.scenario.random
    steps, touches = [], []
    for leaf in rng.sample(case.leaves['app'], TOUCHES):
        at = leaf.address + rng.randrange(leaf.size // 8) * 8
        writes = leaf.write and rng.random() < 0.5
        steps.append(f'    - {"write" if writes else "read"}: {{address: {at:#x}}}')
        touches.append((at, writes))
    core = core_file.CoreFile(case.run('touched', case.scenario.text({'app': steps})))
    frames = core.frames()
    leaves = page_walk.leaves(core, case.core.cpus[0]['cr'][3], case.paging, frames)
    before = {leaf.address: leaf.entry for leaf in case.leaves['app']}
    fresh = sum(leaf.entry != before[leaf.address] for leaf in leaves)
    assert fresh >= TOUCHES // 10, f'only {fresh} entries changed'
    with qemu_guest.Guest(case.folder, case.path, case.core, touches=touches) as guest:
        check_tlb(guest, leaves)
        check_tables(case, guest, leaves, frames)


def test_contents(case, guests):
    """Reading through the page tables gives the bytes of the dump"""
    for name, guest in guests.items():
        stored = [leaf for leaf in case.leaves[name]
                  if leaf.physical in case.frames and leaf.physical < guest.ram_end][:200]
        assert len(stored) >= 20, len(stored)
        for leaf in stored:
            wanted = list(struct.unpack('<512Q', case.frames[leaf.physical]))
            same(guest.virtual_words(leaf.address, 512), wanted, f'page {leaf.address:#x}')


WITHOUT_QEMU = (test_kinds, test_pte)
WITH_QEMU = (test_registers, test_notes, test_tlb, test_mem, test_gva2gpa, test_tables,
             test_touches, test_contents, test_flipped)


def why_not(arch, test):
    """Why a test cannot run here; empty: it can."""
    if test in WITHOUT_QEMU:
        return ''
    if qemu_guest.find_qemu() is None:
        return NO_QEMU
    if test is test_mem and arch == 'x64-la57':
        return "QEMU's info mem skips present tables with five levels and walks the absent ones"
    return ''


class Report:
    """Prints TAP."""

    number = failed = 0

    def line(self, name, error='', skip=''):
        self.number += 1
        self.failed += error != ''
        print(f'{"not ok" if error else "ok"} {self.number} - {name}'
              f'{" # SKIP " + skip if skip else ""}', flush=True)
        for line in error.splitlines():
            print('# ' + line)


def test_case(report, mdlsim, folder, arch, seed):
    names = {test: f'{arch}, seed {seed}: {test.__doc__}' for test in WITHOUT_QEMU + WITH_QEMU}
    with contextlib.ExitStack() as stack:
        try:
            case = Case(mdlsim, folder, arch, seed)
            guests = {}
            if qemu_guest.find_qemu() is not None:
                for name, (_, root) in case.core.spaces.items():
                    if name == 'System':
                        continue
                    guests[name] = stack.enter_context(qemu_guest.Guest(
                        folder, case.path, case.core, int(name.startswith('other')), root))
        except Exception:  # pylint: disable=broad-except
            error = traceback.format_exc()
            for name in names.values():
                report.line(name, error)
                error = 'as above'
            return
        for name, leaves in case.leaves.items():
            sizes = collections.Counter(leaf.size for leaf in leaves)
            print(f'# {arch}, seed {seed}, {name}: ' + ', '.join(
                f'{sizes[size]} pages of {size >> 10} KiB' for size in sorted(sizes)))
        for test, name in names.items():
            skip = why_not(arch, test)
            try:
                if not skip:
                    test(case, guests)
                report.line(name, skip=skip)
            except Exception:  # pylint: disable=broad-except
                report.line(name, traceback.format_exc())


def main():
    parser = argparse.ArgumentParser(description='Page tables against QEMU.')
    parser.add_argument('mdlsim')
    parser.add_argument('--seed', type=int, help='for each architecture')
    parser.add_argument('--keep', help='folder for scenarios and dumps')
    options = parser.parse_args()
    mdlsim = str(pathlib.Path(options.mdlsim).resolve())
    cases = CASES
    if options.seed is not None:
        cases = sorted({(arch, options.seed) for arch, _ in CASES})
    print(f'1..{len(cases) * len(WITHOUT_QEMU + WITH_QEMU)}')
    if qemu_guest.find_qemu() is None:
        print(f'# {NO_QEMU}')
        print(f'{NO_QEMU}; page tables are NOT compared with QEMU', file=sys.stderr)
    else:
        print(f'# QEMU {qemu_guest.version()}')
    report = Report()
    with contextlib.ExitStack() as stack:
        folder = options.keep or stack.enter_context(tempfile.TemporaryDirectory())
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        for arch, seed in cases:
            test_case(report, mdlsim, pathlib.Path(folder), arch, seed)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
