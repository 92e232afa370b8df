#!/usr/bin/env python3
"""Guards speed: instructions of ten small runs, counted by callgrind, against stored ones (TAP).

usage: instructions.py [--update] MDLSIM SOURCE_ROOT

Only what runs in mdlsim itself counts, not the loader's and the libraries' part: the C library
chooses its functions by the processor. So a count does not depend on how busy the host is, but it
does on the compiler and, for traces of text, on AVX2: counts are stored by compiler, its first
version number, machine and whether the build is optimised, and where there are none of this one the
test is skipped and says so. A run may take TOLERANCE_PERCENT more or less than stored; less is a
reason to store the new counts, so that what was won is kept. --update stores them
(tests/bench/instructions.json).
"""
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

TOLERANCE_PERCENT = 5
BENCH, STORIES = 'tests/bench/', 'scenarios/stories/'
NONE = ['-q', '--format', 'none']
RUNS = {
    'start': ['run', BENCH + 'startup.yaml', *NONE],
    'story': ['run', STORIES + 'direct-io-read.yaml', '-q', '-o', '{out}'],
    'story_replay': ['run', STORIES + 'replay-sort.yaml', *NONE],
    'calls': ['run', BENCH + 'mdl_loop.yaml', *NONE, '--set=vars.rounds=500'],
    'events': ['run', BENCH + 'mdl_loop.yaml', '-q', '-o', '{out}', '--set=vars.rounds=300'],
    'lines': ['run', BENCH + 'mdl_loop.yaml', '-q', '-o', '{out}', '--format', 'jsonl',
              '--set=vars.rounds=100'],
    'pages_locked': ['run', BENCH + 'mdl_pages.yaml', *NONE, '--set=vars.size=16 MiB',
                     '--set=vars.locks=20', '--set=vars.maps=20'],
    'pages_touched': ['run', BENCH + 'growth_pages.yaml', *NONE, '--set=vars.pages=5000'],
    'compared': ['diff', '-q', 'traces/stories/direct-io-read.json',
                 'traces/stories/direct-io-read.json'],
    'checked': ['check', STORIES + 'direct-io-loop.yaml', STORIES + 'direct-io-read.yaml'],
}


def toolchain(mdlsim):
    """What a count depends on beside the program's source: "gcc-12 x86_64+avx2 -O3"."""
    comment = subprocess.run(['readelf', '-p', '.comment', mdlsim], capture_output=True, text=True,
                             check=False).stdout
    clang = re.search(r'clang version (\d+)', comment)  # beside it stands the GCC of libc's objects
    gcc = re.search(r'GCC: .* (\d+)\.\d+', comment)
    compiler = f'clang-{clang.group(1)}' if clang else f'gcc-{gcc.group(1)}' if gcc else 'unknown'
    return f'{compiler} {platform.machine()}{vectors()} {optimisation(mdlsim)}'


def vectors():
    """Instructions beyond the machine's oldest that mdlsim has functions for, where valgrind takes
    them from the host."""
    try:
        with open('/proc/cpuinfo') as file:
            return '+avx2' if re.search(r'^flags.* avx2', file.read(), re.MULTILINE) else ''
    except OSError:
        return ''


def optimisation(mdlsim):
    """As Meson configured the build that the program lies in."""
    path = os.path.join(os.path.dirname(mdlsim), 'meson-info', 'intro-buildoptions.json')
    try:
        with open(path) as file:
            return '-O' + next(o['value'] for o in json.load(file) if o['name'] == 'optimization')
    except (OSError, ValueError, StopIteration):
        return 'unknown'


def own_instructions(path, mdlsim):
    """Those of the program's own code, from callgrind's file. A line `ob=(ID) NAME` says whose the
    lines of cost below it are; the name stands at the first use of the ID only. The line after
    `calls=` is what a call cost, which is counted where it was spent."""
    names, own, called, total = {}, False, False, 0
    with open(path) as file:
        for line in file:
            named = re.match(r'c?ob=\((\d+)\)(?: (.*))?', line)
            if named:
                names.setdefault(named.group(1), named.group(2))
                own = names[named.group(1)] == mdlsim if line.startswith('ob=') else own
            elif line.startswith('calls='):
                called = True
            elif line[0] in '0123456789+-*':
                total += int(line.split()[1]) if own and not called else 0
                called = False
    return total


def count(mdlsim, root, words, scratch):
    out, counts_file = os.path.join(scratch, 'out'), os.path.join(scratch, 'callgrind')
    command = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={counts_file}', mdlsim,
               *(word.replace('{out}', out) for word in words)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f'{" ".join(words)}: exit status {run.returncode}\n{run.stderr}')
    return own_instructions(counts_file, mdlsim)


def counts(mdlsim, root):
    with tempfile.TemporaryDirectory() as scratch:
        return {name: count(mdlsim, root, words, scratch) for name, words in RUNS.items()}


def compare(stored, now):
    print(f'1..{len(RUNS)}')
    failed = False
    for number, name in enumerate(RUNS, 1):
        before = stored.get(name, 0)
        change = 100 * (now[name] - before) / before if before else float('inf')
        good = abs(change) <= TOLERANCE_PERCENT
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        print(f'# {now[name]} instructions, {before} stored: {change:+.1f} %')
    if failed:
        print('# where that is meant: python3 tests/bench/instructions.py --update build/mdlsim .')
    return 1 if failed else 0


def main():
    words = sys.argv[1:]
    update = words[0] == '--update'
    mdlsim, root = map(os.path.realpath, words[update:])
    path, tools = os.path.join(root, 'tests/bench/instructions.json'), toolchain(mdlsim)
    with open(path) as file:
        stored = json.load(file)
    if update:
        stored[tools] = counts(mdlsim, root)
        with open(path, 'w') as file:
            json.dump(stored, file, indent=2, sort_keys=True)
            file.write('\n')
        return 0
    if tools not in stored:
        print(f"1..0 # SKIP no counts are stored of '{tools}', only of {', '.join(stored)}")
        return 0
    return compare(stored[tools], counts(mdlsim, root))


if __name__ == '__main__':
    sys.exit(main())
