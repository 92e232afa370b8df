"""Interrupted runs: partial summary, no half file, death of the signal; TAP.

usage: signals.py MDLSIM
"""
import os
import signal
import sys
import time

import harness
from harness import LONG, died_of, same, wait_for_file

DEADLINE_SECONDS = 60


def ended_by(number, process, wait):
    """Sends the signal when wait() returns, of which the process must die; its standard error."""
    try:
        wait()
        process.send_signal(number)
        errors = process.communicate(timeout=DEADLINE_SECONDS)[1].decode()
    finally:
        process.kill()
        process.wait()
    died_of(process.returncode, number)
    return errors


def interrupted(bench, number, *words):
    """Runs until something is written, sends the signal; returns standard error."""
    process = bench.start('run', '-o', 'x.json', *words, 'long.yaml')
    return ended_by(number, process, lambda: wait_for_file(bench, '.x.json.mdlsim-tmp'))


def test_signals(bench):
    """SIGINT, SIGTERM and SIGHUP: the old file stays, the summary says how far it came."""
    bench.write('long.yaml', LONG)
    bench.write('x.json', 'old')
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        errors = interrupted(bench, number)
        assert 'interrupted' in errors, errors
        same(bench.read('x.json'), b'old')
        same(bench.names(), ['long.yaml', 'x.json'])


def test_two_over_one_output(bench):
    """A second run over the output of one under way is status 75, and harms nothing."""
    bench.write('long.yaml', LONG)
    bench.write('good.yaml', harness.GOOD)
    process = bench.start('run', '-o', 'x.json', 'long.yaml')

    def second():
        wait_for_file(bench, '.x.json.mdlsim-tmp')
        bench.expect(harness.TEMPORARY, 'run', '-q', '-o', 'x.json', 'good.yaml', says='x.json')
    ended_by(signal.SIGINT, process, second)
    same(bench.names(), ['good.yaml', 'long.yaml'])
    bench.expect(0, 'run', '-q', '-o', 'x.json', 'good.yaml')


def test_waiting_for_input(bench):
    """SIGINT ends a command that waits for a pipe which says nothing, and leaves no file."""
    bench.write('good.yaml', harness.GOOD)
    bench.write('fifo.yaml', harness.GOOD.replace('steps:', 'processes: {p: {}}\nsteps:') +
                '  - replay: {file: fifo}\n')
    os.mkfifo(bench.path('fifo'))
    for words in (['run', '-', '-o', 'x.json'], ['check', '-'], ['diff', '-', 'good.yaml'],
                  ['import', '-', '-o', 'x.packed']):
        silent, writer = os.pipe()
        process = bench.start(*words, stdin=silent)
        ended_by(signal.SIGINT, process, lambda: time.sleep(0.3))
        os.close(silent)
        os.close(writer)
        same(bench.names(), ['fifo', 'fifo.yaml', 'good.yaml'])
    for words in (['fifo.yaml', '-o', 'x.json'], ['-j', '2', 'fifo.yaml', 'good.yaml', '-o', 'o/']):
        process = bench.start('run', '-q', *words)
        with open(bench.path('fifo'), 'wb', buffering=0) as writer:
            writer.write(b' L 1000,4\n')
            ended_by(signal.SIGINT, process, lambda: time.sleep(0.3))
        assert not any('tmp' in name for name in bench.names()), bench.names()


def test_several(bench):
    """With several scenarios side by side none leaves a half file."""
    bench.write('long.yaml', LONG)
    bench.write('other.yaml', LONG)
    process = bench.start('run', '-q', '-j', '2', '-o', './', 'long.yaml', 'other.yaml')
    ended_by(signal.SIGINT, process, lambda: wait_for_file(bench, '.long.trace.json.mdlsim-tmp'))
    same(bench.names(), ['long.yaml', 'other.yaml'])


def test_ignored(bench):
    """A signal that was ignored at the start stays so (nohup)."""
    bench.write('long.yaml', LONG)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = bench.start('run', '-q', '-o', 'x.json', 'long.yaml')
    finally:
        signal.signal(signal.SIGHUP, before)

    def outlives():
        wait_for_file(bench, '.x.json.mdlsim-tmp')
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        same(process.poll(), None)

    ended_by(signal.SIGINT, process, outlives)


def test_killed(bench):
    """What a killed run leaves is swept by the next."""
    bench.write('long.yaml', LONG)
    bench.write('good.yaml', harness.GOOD)
    process = bench.start('run', '-q', '-o', 'x.json', 'long.yaml')
    try:
        wait_for_file(bench, '.x.json.mdlsim-tmp')
    finally:
        process.kill()
        process.communicate()
    assert 'x.json' not in bench.names(), bench.names()
    bench.expect(0, 'run', '-q', '-o', 'x.json', 'good.yaml')
    same(bench.names(), ['good.yaml', 'long.yaml', 'x.json'])


def test_verify(bench):
    """verify ends of the signal too, and stores nothing half."""
    bench.write('scenarios/long.yaml', LONG)
    process = bench.start('verify', '--update', '--force')

    def starts():
        time.sleep(0.5)
        same(process.poll(), None)

    ended_by(signal.SIGINT, process, starts)
    same(bench.names(), ['scenarios'])


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
