"""Counts what `meson test` ran, subtests included, and prints `N passed, N failed` last.

usage: summary.py [--exit-status N] BUILD...

Reads BUILD/meson-logs/testlog.json (one JSON object a line: the result of each whole test) and
testlog.junit.xml (the subtests of those that speak TAP). A test that crashed, timed out or wrote
nothing countable is a failure, whatever its subtests said before; so is a run whose exit status
(N, of `meson test`) says failure though no log does.
"""
import argparse
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

CONTROL = re.compile('[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')
GOOD = {'OK', 'EXPECTEDFAIL'}


def read_subtests(path):
    """Maps 'project.test' to a list of 'passed', 'failed', 'skipped'. Plain tests share one suite,
    named after the project; it is left out, since it does not show timeouts."""
    with open(path, encoding='utf-8', errors='replace') as file:
        text = CONTROL.sub('?', file.read())  # Meson writes what a test printed as it is
    text = re.sub(r'^<\?xml[^>]*\?>', '', text)
    subtests = {}
    for suite in ElementTree.fromstring(text).iter('testsuite'):
        states = []
        for case in suite.iter('testcase'):
            if case.find('failure') is not None or case.find('error') is not None:
                states.append('failed')
            elif case.find('skipped') is not None:
                states.append('skipped')
            else:
                states.append('passed')
        if '.' in suite.get('name'):
            subtests.setdefault(suite.get('name'), []).extend(states)
    return subtests


def subtests_of(name, subtests):
    """The log names a test 'project:suite / test'; the suite is called 'project.' and either all
    of that or its last part, as Meson's version will have it."""
    short = name.split(' / ')[-1]
    for suite, states in subtests.items():
        if suite.endswith(('.' + name, '.' + short)):
            return states
    return []


def states_of(test, subtests):
    """The states that one line of testlog.json counts for."""
    states = list(subtests_of(test['name'], subtests))
    result = test['result']
    if result in GOOD:
        return states or ['passed']
    if result == 'SKIP':
        # Meson takes a TAP test that printed nothing at all for a skipped one.
        silent = not states and test.get('returncode') != 77
        if silent and '1..0' not in (test.get('stdout') or ''):
            return ['failed']
        return states or ['skipped']
    return states if 'failed' in states else states + ['failed']


def count(build):
    logs = os.path.join(build, 'meson-logs')
    totals = {'passed': 0, 'failed': 0, 'skipped': 0}
    subtests = read_subtests(os.path.join(logs, 'testlog.junit.xml'))
    with open(os.path.join(logs, 'testlog.json'), encoding='utf-8') as log:
        for line in log:
            test = json.loads(line)
            states = states_of(test, subtests)
            for state in states:
                totals[state] += 1
            if 'failed' in states:
                print(f"failed: {test['name']} ({test['result']})")
            elif 'skipped' in states:
                print(f"skipped: {test['name']}")
    return totals


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--exit-status', type=int, default=0)
    parser.add_argument('builds', nargs='+')
    options = parser.parse_args()
    totals = {'passed': 0, 'failed': 0, 'skipped': 0}
    for build in options.builds:
        try:
            one = count(build)
        except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
            print(f'{build}: no readable test log: {error}')
            one = {'failed': 1}
        for state, number in one.items():
            totals[state] += number
    if options.exit_status != 0 and totals['failed'] == 0:
        print(f'meson test ended with status {options.exit_status}, though no log shows a failure')
        totals['failed'] += 1
    if totals['passed'] + totals['failed'] == 0:
        print('no test ran')
        totals['failed'] += 1
    if totals['skipped']:
        print(f"{totals['skipped']} skipped")
    print(f"{totals['passed']} passed, {totals['failed']} failed")
    return 1 if totals['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
