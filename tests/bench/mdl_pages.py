#!/usr/bin/env python3
"""Pages a second of locking and mapping a large buffer, and the time of a small one in a large
process.

usage: mdl_pages.py MEASURED MDLSIM LIMIT BENCH_FOLDER [RUNS]

Figures are differences of processor time between many rounds and one, so that the start of the
program and touching the buffer drop out; the best of RUNS (3). LIMIT is limit_pages.c, which does
only what cannot be left out, measured in the same run.
"""
import os
import subprocess
import sys

PAGES, ROUNDS = 262144, 200
SMALL_PAGES, SMALL_ROUNDS = 16, 200000


def seconds(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(output.split()[0]) / 1e6


class Bench:
    def __init__(self, measured, mdlsim, limit, folder, runs='3'):
        self.command = [measured, mdlsim, 'run', os.path.join(folder, 'mdl_pages.yaml'), '-q',
                        '--format', 'none']
        self.limit, self.runs = limit, int(runs)

    def run(self, **values):
        words = [f'--set=vars.{name}={value}' for name, value in values.items()]
        return min(seconds(self.command + words) for _ in range(self.runs))

    def cost(self, what, rounds, **values):
        """Nanoseconds of one round."""
        return (self.run(**{what: rounds + 1}, **values) - self.run(**values)) / rounds * 1e9

    def limits(self, pages, rounds):
        """Nanoseconds a page of (lock and unlock, map and unmap)."""
        command = [self.limit, str(pages), str(rounds)]
        outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout
                   for _ in range(self.runs)]
        return tuple(map(min, zip(*(map(float, output.split()) for output in outputs))))


def main():
    bench = Bench(*sys.argv[1:])
    for what, limit in zip(('locks', 'maps'), bench.limits(PAGES, ROUNDS)):
        page = bench.cost(what, ROUNDS) / PAGES
        pair = 'locked and unlocked' if what == 'locks' else 'mapped and unmapped'
        print(f'mdl_pages: 1 GiB {pair}: {page:.2f} ns a page, {2e3 / page:.0f} million pages/s '
              f'each way; limit {limit:.2f} ns, ratio {page / limit:.1f}')
    for what in ('locks', 'maps'):
        small = bench.cost(what, SMALL_ROUNDS, size='64 KiB', process='1 MiB')
        large = bench.cost(what, SMALL_ROUNDS, size='64 KiB', process='100 GiB')
        print(f'mdl_pages: 64 KiB, one pair of {what}: {small:.0f} ns in a process of 1 MiB, '
              f'{large:.0f} ns in one of 100 GiB, ratio {large / small:.2f}')


if __name__ == '__main__':
    main()
