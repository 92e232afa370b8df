#!/usr/bin/env python3
"""Traces: events written a second, bytes compared a second; the first story from start to finish;
several scenarios on several processors.

usage: traces.py MEASURED MDLSIM LIMIT BENCH_FOLDER STORY [RUNS]

Time is processor time, the best of RUNS (3), but for the story and for -j, where it is what passes.
LIMIT copies as many bytes and is measured in the same run.
"""
import os
import subprocess
import sys
import tempfile

ROUNDS, EVENTS_A_ROUND, JOBS = 40000, 5, 8


class Bench:
    def __init__(self, measured, mdlsim, limit, folder, story, runs='3'):
        self.measured, self.mdlsim, self.limit = measured, mdlsim, limit
        self.loop, self.story, self.runs = os.path.join(folder, 'mdl_loop.yaml'), story, int(runs)

    def best(self, *words):
        """(processor seconds, seconds passed) of mdlsim."""
        outputs = [subprocess.run([self.measured, self.mdlsim, *words], check=True,
                                  capture_output=True, text=True).stdout.split()
                   for _ in range(self.runs)]
        return tuple(min(int(output[i]) for output in outputs) / 1e6 for i in (0, 1))

    def copy_seconds(self, size, count):
        """What copying `count` pieces of `size` bytes takes."""
        return min(int(subprocess.run([self.limit, str(size), str(count)], check=True,
                                      capture_output=True, text=True).stdout.split()[0]) / 1e9
                   for _ in range(self.runs))

    def loop_seconds(self, *words):
        return self.best('run', self.loop, '-q', f'--set=vars.rounds={ROUNDS}', *words)[0]


def written(bench, scratch):
    events, bare = ROUNDS * EVENTS_A_ROUND, bench.loop_seconds('--format', 'none')
    for form in ('json', 'jsonl'):
        path = os.path.join(scratch, 'a.' + form)
        seconds = bench.loop_seconds('--format', form, '-o', path) - bare
        size = os.path.getsize(path)
        copy = bench.copy_seconds(size // events, events)
        print(f'traces: {form}: {events / seconds / 1e6:.2f} million events/s, '
              f'{size / seconds / 1e6:.0f} MB/s beyond the run itself; limit (copying them) '
              f'{size / copy / 1e6:.0f} MB/s, ratio {seconds / copy:.1f}')


def compared(bench, scratch):
    paths = [os.path.join(scratch, name) for name in ('a.json', 'b.json')]
    bench.loop_seconds('--format', 'json', '-o', paths[1])
    size = sum(map(os.path.getsize, paths))
    seconds = bench.best('diff', *paths, '-q')[0]
    copy = bench.copy_seconds(1 << 16, size >> 16)
    print(f'traces: diff of two equal traces: {size / seconds / 1e6:.0f} MB/s; limit (copying '
          f'both) {size / copy / 1e6:.0f} MB/s, ratio {seconds / copy:.1f}')


def several(bench, scratch):
    scenarios = []
    for number in range(JOBS):
        scenarios.append(os.path.join(scratch, f's{number}.yaml'))
        with open(bench.loop) as source, open(scenarios[-1], 'w') as target:
            target.write(source.read())
    words = ['run', *scenarios, '-q', '--format', 'none', f'--set=vars.rounds={ROUNDS}']
    alone, together = (bench.best(*words, '-j', str(jobs))[1]
                       for jobs in (1, os.cpu_count() or 1))
    print(f'traces: {JOBS} scenarios: {alone:.2f} s with -j 1, {together:.2f} s with -j '
          f'{os.cpu_count()}, {alone / together:.2f} times as fast')


def main():
    bench = Bench(*sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        written(bench, scratch)
        compared(bench, scratch)
        several(bench, scratch)
        story = os.path.join(scratch, 'story.json')
        print(f"traces: the first story, start to finish: "
              f"{bench.best('run', bench.story, '-q', '-o', story)[1] * 1000:.1f} ms")


if __name__ == '__main__':
    main()
