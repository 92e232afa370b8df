"""Exit statuses and messages of every command; TAP.

usage: statuses.py MDLSIM
"""
import json
import os
import pty
import subprocess
import sys

import harness
from harness import (DATA, GOOD, INVALID, LEAKING, NEGATIVE, NO_INPUT, Skip, USAGE,
                     same)

COMMANDS = ('run', 'check', 'diff', 'verify', 'explain', 'import', 'list', 'schema',
            'manual', 'version')


def make(bench):
    bench.write('good.yaml', GOOD)
    bench.write('leaking.yaml', LEAKING)
    bench.write('negative.yaml', NEGATIVE)
    bench.write('invalid.yaml', INVALID)


def test_help(bench):
    """Every command has help with its options and examples, on standard output."""
    overview = bench.expect(0, '--help').stdout.decode()
    for command in COMMANDS:
        assert command in overview, command
        text = bench.expect(0, command, '--help').stdout.decode()
        for part in ('Usage: mdlsim ' + command, 'Options:', '--help', 'Examples:'):
            assert part in text, (command, part)
        same(bench.expect(0, command, '-h').stdout.decode(), text)


def test_usage(bench):
    """Wrong usage is status 64, with a hint."""
    make(bench)
    bench.expect(USAGE, says='a command is missing')
    bench.expect(USAGE, 'rnu', says="did you mean 'run'?")
    bench.expect(USAGE, 'zzzzzz', says="unknown command 'zzzzzz'")
    bench.expect(USAGE, 'run', says='an operand is missing')
    bench.expect(USAGE, 'run', '--ouptut=x', 'good.yaml', says="did you mean '--output'?")
    bench.expect(USAGE, 'run', '--qqqqqqqq', 'good.yaml', says="unknown option '--qqqqqqqq'")
    bench.expect(USAGE, 'run', '-Z', 'good.yaml', says="unknown option '-Z'")
    bench.expect(USAGE, 'run', 'good.yaml', '--seed', says='needs a value')
    bench.expect(USAGE, 'run', '--seed=x', 'good.yaml', says='no number')
    bench.expect(USAGE, 'run', '--seed=18446744073709551616', 'good.yaml', says='no number')
    bench.expect(USAGE, 'run', '--format=jsno', 'good.yaml', says="did you mean 'json'?")
    bench.expect(USAGE, 'run', '-j', '0', 'good.yaml', says='at least 1')
    bench.expect(USAGE, 'run', '--limit=depth', 'good.yaml', says='NAME=VALUE')
    bench.expect(USAGE, 'run', '--limit=dpeth=9', 'good.yaml', says='--limit')
    bench.expect(USAGE, 'diff', 'a.json', says='an operand is missing')
    bench.expect(USAGE, 'diff', 'a', 'b', 'c', says='too many operands')
    bench.expect(USAGE, 'diff', '-', '-', says='standard input')
    bench.expect(USAGE, 'diff', 'a', 'b', '--tolerance=x', says='--tolerance')
    bench.expect(USAGE, 'verify', '-j', '0', says='at least 1')
    bench.expect(USAGE, 'list', 'routine', says="did you mean 'routines'?")
    bench.expect(USAGE, 'list', 'zzzz', says='there is no list')
    bench.expect(USAGE, 'schema', 'scenraio', says="did you mean 'scenario'?")
    bench.expect(USAGE, 'manual', 'routine', says="did you mean 'routines'?")
    bench.expect(USAGE, 'explain', 'IoAlocateMdl', says='IoAllocateMdl')
    bench.expect(USAGE, 'explain', '--event', '0', says='needs a trace')
    same(bench.names(), ['good.yaml', 'invalid.yaml', 'leaking.yaml', 'negative.yaml'])


def test_later(bench):
    """What the command line is to have later is told from what it never had."""
    make(bench)
    for command in ('init', 'report', 'sweep'):
        bench.expect(USAGE, command, says=f"the command '{command}' is not there yet")
    bench.expect(USAGE, 'run', 'good.yaml', '--findings', 'f',
                 says="the option '--findings' is not there yet")
    bench.expect(USAGE, 'run', 'good.yaml', '--findings-format=sarif', says='is not there yet')
    bench.expect(USAGE, 'run', 'good.yaml', '--format=perfetto',
                 says="--format: 'perfetto' is not there yet")
    bench.expect(USAGE, 'diff', 'a', 'b', '--findings', says="unknown option '--findings'")


def test_options(bench):
    """Values where none belong, and none where one does; help by another way."""
    make(bench)
    bench.expect(USAGE, 'run', '--quiet=1', 'good.yaml',
                 says="the option '--quiet' takes no value")
    bench.expect(USAGE, 'run', '--output=', 'good.yaml', says='--output: an empty FILE')
    bench.expect(USAGE, 'run', 'good.yaml', '-o', '-', '--json', says='standard output')
    bench.expect(USAGE, 'explain', 'good.yaml', says='for a trace there is --event N')
    same(bench.expect(0, 'help', 'run').stdout, bench.expect(0, 'run', '--help').stdout)
    bench.expect(USAGE, 'help', 'rnu', says="did you mean 'run'?")
    same(bench.names(), ['good.yaml', 'invalid.yaml', 'leaking.yaml', 'negative.yaml'])


def test_double_dash(bench):
    """Two dashes end the options."""
    bench.write('--seed', GOOD)
    bench.expect(0, 'check', '--', '--seed')
    bench.expect(0, 'run', '--format', 'none', '-q', '--', '--seed')


def test_run(bench):
    """The statuses of run: 0, 1 negative, 65 invalid, 66 missing."""
    make(bench)
    bench.expect(0, 'run', 'good.yaml', says='good.trace.json')
    bench.expect(0, 'run', 'leaking.yaml')
    bench.expect(1, 'run', '--strict', 'leaking.yaml')
    bench.expect(1, 'run', 'negative.yaml', says='negative.yaml:9')
    json.loads(bench.read('negative.trace.json'))
    bench.expect(DATA, 'run', 'invalid.yaml', says="invalid.yaml:5:5: error: unknown routine "
                 "'IoAllocateMDL'; did you mean 'IoAllocateMdl'?")
    bench.expect(NO_INPUT, 'run', 'missing.yaml', says='missing.yaml')
    assert 'invalid.trace.json' not in bench.names(), bench.names()


def test_first_status(bench):
    """Of several scenarios the first status above 1 counts, else 1 if any is."""
    make(bench)
    bench.expect(0, 'run', '-q', 'good.yaml', 'leaking.yaml')
    bench.expect(1, 'run', '-q', 'negative.yaml', 'good.yaml')
    bench.expect(DATA, 'run', '-q', 'negative.yaml', 'invalid.yaml', 'missing.yaml')
    bench.expect(NO_INPUT, 'run', '-q', 'missing.yaml', 'invalid.yaml', 'good.yaml')
    bench.expect(NO_INPUT, 'run', '-q', '-j', '2', 'missing.yaml', 'invalid.yaml', 'good.yaml')


def test_check(bench):
    """check tells of mistakes and runs nothing."""
    make(bench)
    bench.expect(0, 'check', 'good.yaml', 'negative.yaml')
    bench.expect(DATA, 'check', 'invalid.yaml', says='invalid.yaml:5:5')
    bench.expect(NO_INPUT, 'check', 'missing.yaml')
    report = json.loads(bench.expect(DATA, 'check', '--json', 'invalid.yaml').stdout)
    first = report['errors'][0]
    same((first['file'], first['line'], first['column']), ('invalid.yaml', 5, 5))
    same(bench.names(), ['good.yaml', 'invalid.yaml', 'leaking.yaml', 'negative.yaml'])
    bench.write('three.yaml', GOOD.replace('steps:', 'stps:') + 'vars: {a: 1 /}\nsed: 1\n')
    report = json.loads(bench.expect(DATA, 'check', '--json', 'three.yaml').stdout)
    same([error['line'] for error in report['errors']], [1, 4, 8, 9])


def test_set(bench):
    """--set overrides, and an override that makes no sense is an error."""
    make(bench)
    bench.expect(0, 'run', '-q', '--set', 'machine.ram=128 MiB', 'good.yaml')
    trace = json.loads(bench.read('good.trace.json'))
    same(trace['machine']['ram_bytes'], 128 << 20)
    same(trace['scenario']['overrides'], ['machine.ram=128 MiB'])
    bench.expect(DATA, 'run', '--set', 'machine.rma=1 GiB', 'good.yaml', says="'ram'")
    bench.expect(DATA, 'run', '--set', 'machine.ram=much', 'good.yaml', says='--set')
    bench.expect(DATA, 'run', '--set', 'steps[9].note=x', 'good.yaml')
    bench.expect(DATA, 'run', '--set', 'name.x=1', 'good.yaml')
    bench.expect(DATA, 'run', '--set', 'vars.none=1', 'good.yaml')
    bench.expect(DATA, 'run', '--set', 'nothing', 'good.yaml')
    bench.expect(0, 'run', '-q', '--seed', '0xFf', 'good.yaml')
    same(json.loads(bench.read('good.trace.json'))['scenario']['seed'], 255)
    for seed in ('0x', '0xG', '1x', '0x10000000000000000'):
        bench.expect(USAGE, 'run', '--seed', seed, 'good.yaml', says='no number')
    bench.expect(0, 'run', '-q', '--seed', '7', 'good.yaml')
    same(json.loads(bench.read('good.trace.json'))['scenario']['seed'], 7)


MANY = """mdlsim: 1
name: an assertion that never holds
machine: {cpu: {preset: unit}}
steps:
  - repeat: {count: 3000, do: [assert: false]}
"""


def test_many_findings(bench):
    """Of endless findings the first are kept and the rest counted."""
    bench.write('many.yaml', MANY)
    bench.expect(1, 'run', '--format=none', 'many.yaml', says='\n2980 more errors\n')
    done = bench.expect(1, 'run', '-q', '--json', '--format=none', 'many.yaml')
    report = json.loads(done.stdout)
    same(len(report['findings']) + report['more_findings'], 3000)
    assert len(report['findings']) <= 1000, len(report['findings'])


def test_standard_input(bench):
    """A dash reads the scenario from standard input; messages call it so."""
    bench.expect(0, 'run', '-', input=GOOD.encode())
    trace = json.loads(bench.read('stdin.trace.json'))
    same(trace['scenario']['file'], 'stdin')
    done = bench.expect(0, 'run', '-q', '-', '-o', '-', input=GOOD.encode())
    same(done.stdout, bench.read('stdin.trace.json'))
    bench.expect(DATA, 'check', '-', input=INVALID.encode(), says=':5:5: error: unknown routine')
    bench.expect(DATA, 'check', '-', input=b'')


def test_reports(bench):
    """What reports something does so as JSON too."""
    make(bench)
    bench.expect(0, 'run', '-q', 'good.yaml')
    for words in (['version', '--json'], ['list', 'routines', '--json'],
                  ['list', 'rules', '--json'], ['list', 'presets', '--json'],
                  ['list', 'costs', '--json'], ['list', 'constants', '--json'],
                  ['list', 'limits', '--json'], ['schema', 'scenario'], ['schema', 'trace'],
                  ['explain', '--json'], ['explain', 'IoAllocateMdl', '--json'],
                  ['explain', 'call', '--json'], ['explain', 'C4-7C', '--json'],
                  ['explain', 'good.trace.json', '--event', '0', '--json'],
                  ['run', '--json', '--format', 'none', 'good.yaml'],
                  ['run', '--emit-config', 'good.yaml'],
                  ['diff', '--json', 'good.trace.json', 'good.trace.json']):
        json.loads(bench.expect(0, *words).stdout)


def test_names_alone(bench):
    """list -q prints names that explain knows."""
    for what in ('routines', 'rules', 'costs'):
        names = bench.expect(0, 'list', what, '-q').stdout.decode().split()
        assert len(names) > 20, (what, names)
        for name in names[:5] + names[-5:]:
            text = bench.expect(0, 'explain', name).stdout.decode()
            assert text.startswith(name), text
    same(bench.expect(0, 'explain', 'IoAllocateMdl', '-q').stdout, b'')


def test_explain_event(bench):
    """explain --event: a trace that is none, and an event that there is not."""
    make(bench)
    bench.expect(0, 'run', '-q', 'good.yaml')
    text = bench.expect(0, 'explain', 'good.trace.json', '--event', '0').stdout.decode()
    assert 'IoAllocateMdl' in text, text
    bench.expect(NO_INPUT, 'explain', 'missing.json', '--event', '0')
    bench.expect(DATA, 'explain', 'good.yaml', '--event', '0')
    done = bench.run('explain', 'good.trace.json', '--event', '99')
    assert done.returncode not in (0, 1), done.returncode


def test_version(bench):
    """The version is told in both ways."""
    same(bench.expect(0, '--version').stdout, bench.expect(0, 'version').stdout)
    number = bench.expect(0, 'version', '-q').stdout.decode().strip()
    same(json.loads(bench.expect(0, 'version', '--json').stdout)['mdlsim'], number)


def test_colors(bench):
    """Colours only when they are wanted."""
    make(bench)
    escape = b'\x1b['
    bench.expect(0, 'run', '-q', 'good.yaml')
    bench.expect(0, 'run', '-q', 'leaking.yaml')
    words = ['diff', 'good.trace.json', 'leaking.trace.json']
    assert escape not in bench.expect(1, *words).stdout
    assert escape in bench.expect(1, *words, '--color=always').stdout
    assert escape not in bench.expect(1, *words, '--color=never').stdout
    assert escape not in bench.expect(1, *words, '--color=always', '--json').stdout


def test_message_colors(bench):
    """In messages the word error and the caret are coloured."""
    make(bench)
    for command in ('run', 'check'):
        plain = bench.expect(DATA, command, 'invalid.yaml').stderr
        wanted = plain.replace(b' error: ', b' \x1b[1;31merror:\x1b[0m ')
        wanted = wanted.replace(b'^', b'\x1b[1;31m^\x1b[0m')
        same(bench.expect(DATA, command, '--color=always', 'invalid.yaml').stderr, wanted)
        same(bench.expect(DATA, command, '--color=never', 'invalid.yaml').stderr, plain)


def terminal_output(bench, env, *words):
    """What a command writes when its output is a terminal."""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        raise Skip(f'no terminal to be had: {error}') from error
    process = subprocess.Popen([bench.mdlsim, *words], cwd=bench.folder, env=env, stdout=slave,
                               stderr=slave, stdin=subprocess.DEVNULL)
    os.close(slave)
    output = b''
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        output += piece
    process.wait()
    os.close(master)
    return output


def test_terminal(bench):
    """A terminal gets colours, but not where NO_COLOR or a dumb terminal asks for none."""
    make(bench)
    bench.expect(0, 'run', '-q', 'good.yaml')
    bench.expect(0, 'run', '-q', 'leaking.yaml')
    for words in (['check', 'invalid.yaml'], ['run', '--format=none', 'negative.yaml'],
                  ['diff', 'good.trace.json', 'leaking.trace.json']):
        for env, colored in (({'TERM': 'xterm'}, True), ({'TERM': 'dumb'}, False), ({}, False),
                             ({'TERM': 'xterm', 'NO_COLOR': '1'}, False),
                             ({'TERM': 'xterm', 'NO_COLOR': ''}, True)):
            output = terminal_output(bench, env, *words)
            assert output and (b'\x1b[' in output) == colored, (words, env, output)


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
