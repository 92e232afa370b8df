#!/usr/bin/env python3
"""Guards speed: instructions of ten small runs, counted by callgrind, against stored ones (TAP).

usage: instructions.py [--update] MDLSIM SOURCE_ROOT

Counts do not depend on how busy the host is, but they do on compiler, C library and valgrind: they
are compared only where these are the recorded ones, and else the test is skipped and says so. A run
may take TOLERANCE_PERCENT more or less than stored; less is a reason to store the new counts, so
that what was won is kept. --update stores them (tests/bench/instructions.json).
"""
import json
import os
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


def first_line(*command):
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return output.splitlines()[0] if output else ''


def toolchain(mdlsim):
    """What a count depends on beside the program's source."""
    comment = subprocess.run(['readelf', '-p', '.comment', mdlsim], capture_output=True, text=True,
                             check=False).stdout
    compilers = re.findall(r'\]\s+(.*)', comment)
    return {'compiler': compilers[0].strip() if compilers else '',
            'libc': first_line('ldd', '--version'),
            'valgrind': first_line('valgrind', '--version')}


def count(mdlsim, root, words, scratch):
    out = os.path.join(scratch, 'out')
    command = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={scratch}/callgrind', mdlsim,
               *(word.replace('{out}', out) for word in words)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    found = re.search(r'Collected : (\d+)', run.stderr)
    if run.returncode != 0 or found is None:
        sys.exit(f'{" ".join(words)}: exit status {run.returncode}\n{run.stderr}')
    return int(found.group(1))


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
    return 1 if failed else 0


def main():
    words = sys.argv[1:]
    update = words[0] == '--update'
    mdlsim, root = map(os.path.abspath, words[update:])
    path = os.path.join(root, 'tests/bench/instructions.json')
    tools = toolchain(mdlsim)
    if update:
        with open(path, 'w') as file:
            json.dump({'toolchain': tools, 'instructions': counts(mdlsim, root)}, file, indent=2)
            file.write('\n')
        return 0
    with open(path) as file:
        stored = json.load(file)
    if tools != stored['toolchain']:
        print(f"1..0 # SKIP counts are of {stored['toolchain']}, this is {tools}")
        return 0
    return compare(stored['instructions'], counts(mdlsim, root))


if __name__ == '__main__':
    sys.exit(main())
