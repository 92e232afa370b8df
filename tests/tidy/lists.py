"""Lists that must be complete: routines, scenarios and their traces, sources, unit tests.

usage: lists.py SOURCE_ROOT
"""
import collections
import os
import re
import sys

import csource

ROUTINES = 'src/nt/routines.def'
ROUTINE = re.compile(r'^const struct routine (\w+) *=', re.MULTILINE)
ROW = re.compile(r'^ROUTINE\((\w+)\)', re.MULTILINE)


def check_routines(report, root):
    defined = {}
    for path in csource.files(root, ['src/nt'], ('.c',)):
        code = csource.code_only(csource.read(root, path))
        for found in ROUTINE.finditer(code):
            defined[found.group(1)] = (path, csource.line_at(code, found.start()))
    listed = collections.Counter()
    if os.path.exists(os.path.join(root, ROUTINES)):
        code = csource.code_only(csource.read(root, ROUTINES))
        for found in ROW.finditer(code):
            name, line = found.group(1), csource.line_at(code, found.start())
            listed[name] += 1
            if listed[name] > 1:
                report.error(ROUTINES, line, f'{name} is listed twice')
            if name not in defined:
                report.error(ROUTINES, line, f'{name} is defined nowhere in src/nt/')
    for name, (path, line) in sorted(defined.items()):
        if name not in listed:
            report.error(path, line, f'{name} is not listed in {ROUTINES}')


def stems(root, folder, ending):
    return {os.path.relpath(path, folder)[:-len(ending)]
            for path in csource.files(root, [folder], (ending,))}


def check_traces(report, root):
    scenarios = {stem for stem in stems(root, 'scenarios', '.yaml')
                 if 'fragments' not in stem.split(os.sep)[:-1]}
    traces = {stem for stem in stems(root, 'traces', '.json')
              if not stem.startswith('inputs' + os.sep)}
    for stem in sorted(scenarios - traces):
        report.error(f'scenarios/{stem}.yaml', 1, f'no golden trace traces/{stem}.json')
    for stem in sorted(traces - scenarios):
        report.error(f'traces/{stem}.json', 1, f'no scenario scenarios/{stem}.yaml')


def check_sources(report, root):
    """A source that no meson.build names would not be built, nor tested."""
    for path in csource.files(root, ['src', 'tests/unit'], ('.c',)):
        folder, leaf = os.path.split(path)
        if path == os.path.join('src', 'cli', 'main.c'):
            folder = '.'
        listed = os.path.join(folder, 'meson.build')
        if not os.path.exists(os.path.join(root, listed)):
            report.error(path, 1, f'{listed} is missing')
            continue
        text = re.sub(r'#.*', '', csource.read(root, listed))
        names = set(re.findall(r"'([^']*)'", text))
        if not names & {leaf, os.path.join('src', 'cli', leaf), re.sub(r'_test\.c$', '', leaf)}:
            report.error(path, 1, f'not listed in {listed}')


def main(root):
    report = csource.Report()
    check_routines(report, root)
    check_traces(report, root)
    check_sources(report, root)
    return report.status()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
