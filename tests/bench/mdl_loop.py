#!/usr/bin/env python3
"""Speed of mdlsim: calls and pages a second, events a second, start-up of a machine of 64 TiB.

usage: mdl_loop.py MEASURED MDLSIM BENCH_FOLDER [RUNS]
       mdl_loop.py --startup-test MEASURED MDLSIM BENCH_FOLDER

The best of RUNS (3) counts, in time of the processor, which other work on the host disturbs least.
The second form is a test (TAP) of start-up alone, with slack in time for busy hosts.

Where the time goes: build with --buildtype=debugoptimized, then

    perf record -g build/mdlsim run tests/bench/mdl_loop.yaml --format none -q
    perf report --no-children
    perf annotate -s tlb_array_find
"""
import os
import subprocess
import sys
import tempfile

ROUNDS, CALLS_A_ROUND, PAGES_A_ROUND = 1000000, 4, 16
EVENT_ROUNDS, EVENTS_A_ROUND = 40000, 5
STARTUP_SECONDS, STARTUP_KIB, SLACK = 0.050, 32 * 1024, 4


class Host:
    def __init__(self, measured, mdlsim, folder):
        self.measured, self.mdlsim, self.folder = measured, mdlsim, folder

    def run(self, scenario, *words):
        """(seconds of processor time, seconds elapsed, KiB) of one run."""
        output = subprocess.run(
            [self.measured, self.mdlsim, 'run', os.path.join(self.folder, scenario), '-q', *words],
            check=True, capture_output=True, text=True).stdout
        used, elapsed, kib = map(int, output.split())
        return used / 1e6, elapsed / 1e6, kib

    def best(self, runs, scenario, *words):
        return tuple(map(min, zip(*(self.run(scenario, *words) for _ in range(runs)))))


def report(host, runs, scratch):
    seconds, _, kib = host.best(runs, 'mdl_loop.yaml', '--format', 'none',
                                '--set', f'vars.rounds={ROUNDS}')
    print(f'mdl_loop: {ROUNDS} rounds in {seconds:.2f} s: '
          f'{ROUNDS * CALLS_A_ROUND / seconds / 1e6:.2f} million calls/s, '
          f'{ROUNDS * PAGES_A_ROUND / seconds / 1e6:.1f} million pages/s, {kib / 1024:.1f} MiB')
    trace = os.path.join(scratch, 'trace.jsonl')
    seconds, _, kib = host.best(runs, 'mdl_loop.yaml', '-o', trace, '--format', 'jsonl',
                                '--set', f'vars.rounds={EVENT_ROUNDS}')
    events, size = EVENT_ROUNDS * EVENTS_A_ROUND, os.path.getsize(trace)
    print(f'trace: {events} events in {seconds:.2f} s: {events / seconds / 1e3:.0f} thousand '
          f'events/s, {size / seconds / 1e6:.0f} MB/s, {kib / 1024:.1f} MiB')
    _, elapsed, kib = host.best(10 * runs, 'startup.yaml', '-o', trace)
    print(f'startup: 64 TiB, one call: {elapsed * 1000:.1f} ms, {kib / 1024:.1f} MiB')


def startup_test(host, scratch):
    _, elapsed, kib = host.best(5, 'startup.yaml', '-o', os.path.join(scratch, 'trace.json'))
    print('1..2')
    print(f'# {elapsed * 1000:.1f} ms, {kib} KiB')
    fast, small = elapsed < STARTUP_SECONDS * SLACK, kib < STARTUP_KIB
    print(f"{'ok' if fast else 'not ok'} 1 - a 64 TiB machine starts at once")
    print(f"{'ok' if small else 'not ok'} 2 - a 64 TiB machine takes little memory")


def main():
    words = sys.argv[1:]
    tests = words[0] == '--startup-test'
    host = Host(*words[tests:tests + 3])
    with tempfile.TemporaryDirectory() as scratch:
        if tests:
            startup_test(host, scratch)
        else:
            report(host, int(words[3]) if len(words) > 3 else 3, scratch)


if __name__ == '__main__':
    main()
