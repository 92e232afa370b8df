"""diff and verify: statuses, options, formats, what --update does; TAP.

usage: compare.py MDLSIM
"""
import json
import os
import sys

import harness
from harness import DATA, GOOD, INVALID, NEGATIVE, NO_INPUT, USAGE, same

TAGGED = GOOD + 'tags: [quick, small]\n'


def make_traces(bench):
    """a and b differ in an argument and in what follows from it."""
    bench.write('a.yaml', GOOD)
    bench.write('b.yaml', GOOD.replace('64 KiB', '128 KiB'))
    bench.expect(0, 'run', '-q', 'a.yaml', 'b.yaml')


def test_diff_statuses(bench):
    """diff: 0 the same, 1 different, 65 no trace, 66 missing."""
    make_traces(bench)
    bench.expect(0, 'diff', 'a.trace.json', 'a.trace.json')
    bench.expect(1, 'diff', 'a.trace.json', 'b.trace.json')
    bench.expect(NO_INPUT, 'diff', 'a.trace.json', 'missing.json', says='missing.json')
    bench.expect(DATA, 'diff', 'a.trace.json', 'a.yaml', says='a.yaml')
    bench.write('cut.json', bench.read('a.trace.json')[:-40].decode())
    bench.expect(DATA, 'diff', 'a.trace.json', 'cut.json', says='cut.json')
    bench.write('empty.json', '')
    bench.expect(DATA, 'diff', 'empty.json', 'a.trace.json', says='empty.json')


def test_diff_standard_input(bench):
    """diff reads one of the traces from standard input, and JSON Lines."""
    make_traces(bench)
    bench.expect(0, 'diff', 'a.trace.json', '-', input=bench.read('a.trace.json'))
    bench.expect(1, 'diff', '-', 'a.trace.json', input=bench.read('b.trace.json'))
    bench.expect(0, 'run', '-q', '--format', 'jsonl', 'a.yaml')
    bench.expect(0, 'diff', 'a.trace.json', 'a.trace.jsonl')


def test_diff_options(bench):
    """--ignore, --only and --tolerance say what counts, and the report repeats them."""
    make_traces(bench)
    traces = ['a.trace.json', 'b.trace.json']
    bench.expect(0, 'diff', *traces, '--only', 'end.reason')
    bench.expect(1, 'diff', *traces, '--only', 'events.args.Length')
    everything = ['events', 'stats', 'end', 'violations', 'leaks']
    ignored = [word for path in everything for word in ('--ignore', path)]
    bench.expect(0, 'diff', *traces, *ignored)
    length = ['--only', 'events.args.Length', '--tolerance']
    bench.expect(0, 'diff', *traces, *length, 'events.args.Length=100%')
    bench.expect(0, 'diff', *traces, *length, 'events.args.*=65536')
    bench.expect(1, 'diff', *traces, *length, 'events.args.Length=65535')
    done = bench.expect(1, 'diff', *traces, *length, 'events.args.Length=5%')
    assert b'events.args.Length=5%' in done.stdout, done.stdout


def test_diff_formats(bench):
    """Every format of diff tells of the difference; -q prints nothing."""
    make_traces(bench)
    traces = ['a.trace.json', 'b.trace.json']
    for name in ('human', 'brief', 'json', 'markdown', 'github'):
        assert bench.expect(1, 'diff', *traces, '--format', name).stdout, name
    json.loads(bench.expect(1, 'diff', *traces, '--format', 'json').stdout)
    same(bench.expect(1, 'diff', *traces, '--format', 'brief').stdout.count(b'\n'), 1)
    assert bench.expect(1, 'diff', *traces, '--format=github').stdout.startswith(b'::')
    same(bench.expect(1, 'diff', *traces, '-q').stdout, b'')


def make_tree(bench):
    bench.write('scenarios/one.yaml', GOOD)
    bench.write('scenarios/deep/two.yaml', TAGGED)


def accepted(bench):
    make_tree(bench)
    bench.expect(0, 'verify', '--update', env={'CI': ''})


def test_verify_missing(bench):
    """A scenario without a stored trace fails; --update stores what run --no-times writes."""
    make_tree(bench)
    done = bench.expect(1, 'verify')
    assert b'mdlsim verify --update scenarios/one.yaml' in done.stdout, done.stdout
    same(bench.names(), ['scenarios'])
    bench.expect(0, 'verify', '--update', env={'CI': ''})
    bench.expect(0, 'verify')
    bench.expect(0, 'run', '-q', '--no-times', '-o', 'x.json', 'scenarios/deep/two.yaml')
    same(bench.read('x.json'), bench.read('traces/deep/two.json'))
    same(bench.names('traces'), ['deep', 'one.json'])


def test_verify_changed(bench):
    """A changed trace fails with the difference and the command that accepts it."""
    accepted(bench)
    text = bench.read('traces/one.json').decode()
    bench.write('traces/one.json', text.replace('"Length": 65536', '"Length": 65535'))
    done = bench.expect(1, 'verify')
    for part in (b'IoAllocateMdl args.Length: 65535 -> 65536', b'1 passed, 1 failed',
                 b'to accept: mdlsim verify --update scenarios/one.yaml'):
        assert part in done.stdout, done.stdout
    done = bench.expect(1, 'verify', '--summary')
    assert b'1 x IoAllocateMdl args.Length' in done.stdout, done.stdout
    report = json.loads(bench.expect(1, 'verify', '--json').stdout)
    same([(c['name'], c['result']) for c in report['cases']],
         [('deep/two', 'same'), ('one', 'different')])
    same(report['cases'][1]['diff']['result'], 'different')
    done = bench.expect(1, 'verify', '--format', 'github')
    assert done.stdout.startswith(b'::error file=scenarios/one.yaml,line=5,'), done.stdout
    same(bench.expect(1, 'verify', '-q').stdout, b'')
    bench.expect(0, 'verify', '--update', 'scenarios/one.yaml', env={'CI': ''})
    same(bench.read('traces/one.json').decode(), text)


def test_verify_layout(bench):
    """A stored trace with the same contents but other bytes fails too."""
    accepted(bench)
    trace = json.loads(bench.read('traces/one.json'))
    bench.write('traces/one.json', json.dumps(trace) + '\n')
    done = bench.expect(1, 'verify')
    assert b'layout' in done.stdout, done.stdout


def test_verify_tap(bench):
    """--format tap: a plan, a line for each, reasons as comments."""
    accepted(bench)
    same(bench.expect(0, 'verify', '--format', 'tap').stdout,
         b'1..2\nok 1 - deep/two\nok 2 - one\n')
    bench.write('scenarios/one.yaml', GOOD.replace('64 KiB', '128 KiB'))
    lines = bench.expect(1, 'verify', '--format', 'tap').stdout.decode().splitlines()
    same([line for line in lines if not line.startswith('# ')],
         ['1..2', 'ok 1 - deep/two', 'not ok 2 - one'])
    assert len(lines) > 5, lines


def test_verify_orphan(bench):
    """A stored trace without a scenario fails, save in traces/inputs."""
    accepted(bench)
    bench.write('traces/inputs/x.json', 'an input')
    bench.expect(0, 'verify')
    bench.write('traces/deep/old.json', bench.read('traces/one.json').decode())
    done = bench.expect(1, 'verify')
    assert b'rm traces/deep/old.json' in done.stdout, done.stdout
    bench.expect(0, 'verify', 'scenarios/one.yaml')


def test_verify_bad(bench):
    """A negative run is status 1 and is not stored, a broken scenario or trace is 65."""
    accepted(bench)
    bench.write('scenarios/bad.yaml', NEGATIVE)
    bench.expect(1, 'verify')
    bench.expect(1, 'verify', '--update', env={'CI': ''})
    same(bench.names('traces'), ['deep', 'one.json'])
    bench.write('scenarios/bad.yaml', INVALID)
    done = bench.expect(DATA, 'verify')
    assert b'did you mean' in done.stdout, done.stdout
    bench.write('scenarios/bad.yaml', GOOD)
    bench.write('traces/bad.json', '{')
    bench.expect(DATA, 'verify')
    bench.expect(0, 'verify', '--update', env={'CI': ''})


def test_verify_where(bench):
    """verify finds its folders from above and from within."""
    accepted(bench)
    for where, words in (('.', []), ('.', ['.']), ('.', ['scenarios']), ('.', ['scenarios/deep/']),
                         ('.', ['scenarios/deep/two.yaml']), ('scenarios', []),
                         ('scenarios/deep', ['.']), ('scenarios/deep', ['two.yaml']),
                         ('traces', ['..']), ('/', [bench.folder])):
        count = 1 if 'deep' in where + ''.join(words) else 2
        done = bench.expect(0, 'verify', *words, cwd=os.path.join(bench.folder, where))
        same(done.stdout, b'%d passed, 0 failed\n' % count, (where, words))
    bench.expect(NO_INPUT, 'verify', 'missing')
    bench.expect(NO_INPUT, 'verify', 'traces')
    bench.write('empty/scenarios/readme.md', '')
    bench.expect(NO_INPUT, 'verify', 'empty', says='no scenarios')


def test_verify_tags(bench):
    """--tag selects scenarios; a tag that none has is an error."""
    accepted(bench)
    bench.write('traces/one.json', '{')
    same(bench.expect(0, 'verify', '--tag', 'quick').stdout, b'1 left out, 1 passed, 0 failed\n')
    bench.expect(DATA, 'verify')
    bench.expect(NO_INPUT, 'verify', '--tag', 'slow', says='no scenario has such a tag')


def test_verify_ci(bench):
    """--update is refused where CI=true, unless forced."""
    make_tree(bench)
    bench.expect(USAGE, 'verify', '--update', env={'CI': 'true'}, says='--force')
    same(bench.names(), ['scenarios'])
    bench.expect(0, 'verify', '--update', '--force', env={'CI': 'true'})
    bench.expect(0, 'verify', env={'CI': 'true'})


def test_verify_jobs(bench):
    """The report is the same for every -j."""
    for number in range(20):
        bench.write(f'scenarios/s{number:02}.yaml', GOOD.replace('64 KiB', f'{number + 1} KiB'))
    bench.expect(0, 'verify', '--update', '-j', '3', env={'CI': ''})
    for number in range(0, 20, 3):
        bench.write(f'traces/s{number:02}.json', '{')
    reports = [bench.expect(DATA, 'verify', '-j', str(jobs)).stdout for jobs in (1, 2, 7, 100)]
    same(reports[1:], reports[:1] * 3)


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
