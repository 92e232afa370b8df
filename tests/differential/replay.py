#!/usr/bin/env python3
"""Replays traces with mdlsim and with naive_tlb.py, and compares what both count; TAP.

usage: replay.py MDLSIM SOURCE_ROOT
"""
import csv
import json
import os
import random
import subprocess
import sys
import tempfile

PRESETS = ('skylake-sp', 'zen3')
SCENARIO = '''mdlsim: 1
name: Comparison with the naive model
machine: {{os: windows-10, cpu: {{preset: {preset}}}, ram: 4 GiB}}
processes: {{program: {{}}}}
steps:
  - replay: {{file: {file}, format: {format}}}
'''


def arrays(root, preset):
    """Entries and ways of the three arrays of 4 KiB pages."""
    found = {}
    with open(os.path.join(root, 'src', 'model', 'presets.csv'), encoding='utf-8') as file:
        for row in csv.DictReader(file):
            if row['preset'] == preset:
                found[row['parameter']] = row['value']
    return {name: geometry(found[name + '_4k']) for name in ('dtlb', 'itlb', 'stlb')}


def geometry(text):
    entries, ways = text.split('/')
    return f"{entries}x{entries if ways == 'full' else ways}"


def synthetic(path, seed):
    """Loops over pages, straddles, modifications, and fetches of code in another range."""
    chance = random.Random(seed)
    with open(path, 'w', encoding='ascii') as file:
        file.write('==1== a synthetic trace\n')
        for number in range(30000):
            page = chance.choice((chance.randrange(40), chance.randrange(400), number % 2000))
            size = chance.choice((1, 2, 4, 8, 16, 64))
            offset = chance.randrange(4000)
            if chance.random() < .2:
                offset = 4096 - chance.randrange(1, 70)
            kind = chance.choice(' L| S| M|I '.split('|'))
            base = 0x400000 if kind == 'I ' else 0x7ff0000000
            file.write(f'{kind} {base + page * 4096 + offset:08x},{size}\n')


def naive(root, trace, trace_format, levels):
    script = os.path.join(root, 'tests', 'differential', 'naive_tlb.py')
    output = subprocess.run(
        [sys.executable, script, trace, '--format', trace_format, '--l1', levels['dtlb'],
         '--itlb', levels['itlb'], '--l2', levels['stlb']],
        check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def simulated(mdlsim, folder, preset, trace, trace_format, scenario=None):
    if scenario is None:
        scenario = os.path.join(folder, 'scenario.yaml')
        with open(scenario, 'w', encoding='utf-8') as file:
            file.write(SCENARIO.format(preset=preset, file=trace, format=trace_format))
    output = os.path.join(folder, 'out.trace.json')
    subprocess.run([mdlsim, 'run', '-q', '-o', output, scenario], check=True)
    with open(output, encoding='utf-8') as file:
        return json.load(file)


def counts(level):
    return {name: level[name] for name in ('lookups', 'hits', 'misses')}


def differences(trace, expected):
    """Where the two disagree, as lines. mdlsim's first fault of a page is one look-up, not two."""
    tlb, accesses = trace['stats']['tlb']['cpu0'], trace['events'][0]['accesses']
    pairs = {
        'records': (trace['events'][0]['args']['records'], expected['records']),
        'accesses': (accesses['count'],
                     expected['loads'] + expected['stores'] + expected['fetches']),
        'faults': (accesses['faults'], expected['pages']),
        'walks': (tlb['walks']['count'], expected['l2']['misses']),
        'l1d': (counts(tlb['l1d']), expected['l1']),
        'l1i': (counts(tlb['l1i']), expected['itlb']),
        'l2': (counts(tlb['l2']), expected['l2']),
    }
    return [f'{name}: mdlsim {a}, naive {b}' for name, (a, b) in pairs.items() if a != b]


def packed_cases(mdlsim, inputs, folder):
    """The first records of each packed trace as (packed, lackey)."""
    for name in sorted(os.listdir(inputs)):
        if not name.endswith('.packed'):
            continue
        source, made = os.path.join(inputs, name), os.path.join(folder, name)
        for output, form in ((made, 'packed'), (made + '.lackey', 'lackey')):
            subprocess.run([mdlsim, 'import', source, '-q', '-o', output, '--to', form,
                            '--skip', '300000', '--limit', '40000'], check=True)
        yield made, made + '.lackey'


def main():
    mdlsim, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    inputs = os.path.join(root, 'traces', 'inputs')
    story = os.path.join(root, 'scenarios', 'stories', 'replay-sort.yaml')
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, 'made.lackey')
        synthetic(made, 1)
        as_text = {}
        cases = [('skylake-sp', os.path.join(inputs, 'sort.lackey'), 'lackey', story)]
        for packed, text in packed_cases(mdlsim, inputs, folder):
            as_text[packed] = text
            cases += [(preset, packed, 'packed', None) for preset in PRESETS]
        for preset in PRESETS:
            cases += [(preset, os.path.join(inputs, 'sort.din'), 'din', None),
                      (preset, made, 'lackey', None)]
        print(f'TAP version 13\n1..{len(cases)}')
        for number, (preset, path, kind, scenario) in enumerate(cases, 1):
            expected = naive(root, as_text.get(path, path),
                             'lackey' if kind == 'packed' else kind, arrays(root, preset))
            found = differences(simulated(mdlsim, folder, preset, path, kind, scenario), expected)
            for line in found:
                print('#', line)
            failed += bool(found)
            print(f"{'not ok' if found else 'ok'} {number} - {os.path.basename(path)} on {preset}, "
                  f"{expected['straddles']} straddles, {expected['l1']['misses']} misses")
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
