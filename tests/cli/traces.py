"""mdlsim import: memory-access traces there and back, through files, pipes and compression; TAP.

usage: traces.py MDLSIM SOURCE_ROOT
"""
import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys

import harness
from harness import DATA, NO_INPUT, USAGE, same

INPUTS = os.path.join(os.path.abspath(sys.argv[2]), 'traces', 'inputs')
SORT = os.path.join(INPUTS, 'sort.lackey')
REPLAY = '''mdlsim: 1
name: A trace
machine: {os: windows-10, cpu: {preset: skylake-sp}, ram: 4 GiB}
processes: {program: {}}
steps:
  - replay: {file: FILE}
'''


def records_of(path):
    with open(path, encoding='ascii') as file:
        return [line for line in file if line[:2] in ('I ', ' L', ' S', ' M')]


def imported(bench, source, output, *more, **settings):
    """The summary."""
    done = bench.expect(0, 'import', source, '-o', output, '--json', *more, **settings)
    return json.loads(done.stdout)


def test_lackey_there_and_back(bench):
    """Lackey text comes back from the packed format as it was"""
    summary = imported(bench, SORT, 'a.packed')
    same(summary['format'], 'lackey')
    same(summary['records'], len(records_of(SORT)), 'records')
    assert summary['bytes'] < 2 * summary['records'], summary
    same(len(bench.read('a.packed')), summary['bytes'], 'bytes')
    same(imported(bench, 'a.packed', 'a.lackey', '--to', 'lackey')['format'], 'packed')
    same(bench.read('a.lackey').decode(), ''.join(records_of(SORT)), 'lackey')


def test_every_way_round(bench):
    """Packed, lackey and csv hold the same records, and packed bytes do not depend on the way"""
    imported(bench, SORT, 'a.packed')
    imported(bench, 'a.packed', 'b.csv', '--to', 'csv')
    same(imported(bench, 'b.csv', 'b.packed')['format'], 'csv')
    imported(bench, 'b.packed', 'c.lackey', '--to', 'lackey')
    imported(bench, 'c.lackey', 'c.packed')
    same(bench.read('a.packed'), bench.read('b.packed'), 'packed from csv')
    same(bench.read('a.packed'), bench.read('c.packed'), 'packed from lackey')


def test_where_a_replay_ends(bench):
    """An access that raises an exception is named by its address and the number of its record"""
    bench.write('a.lackey', ' L 1000,4\n L 2000,4\n S 800000000000,8\n L 3000,4\n')
    for words in ('', ', skip: 1', ', warm_up: 2', ', skip: 1, warm_up: 2'):
        bench.write('a.yaml', REPLAY.replace('file: FILE', 'file: a.lackey' + words))
        bench.expect(1, 'run', '-q', '-o', 'a.json', 'a.yaml',
                     says='raised STATUS_ACCESS_VIOLATION at 0x800000000000 in record 3 of the '
                          'replay, which nobody expected')


def test_buffer_in_the_way(bench):
    """An access of a replay that a buffer forbids names the buffer"""
    bench.write('a.lackey', 'I  18000,4\n')
    text = REPLAY.replace('file: FILE', 'file: a.lackey')
    for name, process in (('program', ''), ('other', ', process: other')):
        owner = name + ': {buffers: {first: {size: 4 KiB}, buf: {size: 64 KiB, at: 0x10000}}}'
        bench.write('a.yaml', text.replace('program: {}', 'program: {}, other: {}')
                    .replace(name + ': {}', owner).replace('a.lackey', 'a.lackey' + process))
        bench.expect(1, 'run', '-q', '-o', 'a.json', 'a.yaml',
                     says="at 0x18000 in record 1 of the replay, in the buffer 'buf'")


def test_din(bench):
    """din comes back as it was, and what it cannot hold is refused without an output file"""
    source = os.path.join(INPUTS, 'sort.din')
    imported(bench, source, 'a.packed')
    imported(bench, 'a.packed', 'a.din', '--to', 'din')
    with open(source, encoding='ascii') as file:
        expected = [(line.split()[0], int(line.split()[1], 16) & ~3) for line in file]
    found = [(line.split()[0], int(line.split()[1], 16))
             for line in bench.read('a.din').decode().splitlines()]
    same(found, expected, 'din')
    bench.expect(DATA, 'import', SORT, '-o', 'b.din', '--to', 'din',
                 says='sort.lackey: error: record 1, a fetch of 5 bytes')
    assert not os.path.exists(bench.path('b.din'))


def test_compression_by_content(bench):
    """gzip and xz are told by the content, whatever the name, from a file and from a pipe"""
    imported(bench, SORT, 'plain.packed')
    with open(SORT, 'rb') as file:
        text = file.read()
    for name, pack in (('gzip', gzip.compress), ('xz', lzma.compress)):
        with open(bench.path('trace.din'), 'wb') as file:
            file.write(pack(text))
        same(imported(bench, 'trace.din', 'a.packed')['compression'], name)
        same(bench.read('a.packed'), bench.read('plain.packed'), name)
        imported(bench, '-', 'b.packed', input=pack(text))
        same(bench.read('b.packed'), bench.read('plain.packed'), f'{name} through a pipe')
        half = pack(text)[:5000]
        bench.expect(DATA, 'import', '-', '-o', 'c.packed', input=half,
                     says=f'stdin: error: cut off inside its {name} data, after byte 5000')
        assert not os.path.exists(bench.path('c.packed'))
    bench.expect(DATA, 'import', '-', '-o', 'd.packed', input=bz2.compress(text),
                 says='stdin:1:1: error: no known trace format starts like this')


def test_fifo(bench):
    """A FIFO can be read and written"""
    os.mkfifo(bench.path('pipe'))
    with subprocess.Popen(['cp', SORT, bench.path('pipe')]) as writer:
        imported(bench, 'pipe', 'a.packed')
        same(writer.wait(), 0)
    imported(bench, SORT, 'b.packed')
    same(bench.read('a.packed'), bench.read('b.packed'))
    done = bench.expect(0, 'import', SORT, '-q', '-o', '-')
    same(done.stdout, bench.read('a.packed'), 'standard output')


def test_parts(bench):
    """--skip, --limit and --only take the records they say"""
    records = records_of(SORT)
    imported(bench, SORT, 'a.packed')
    for source in (SORT, 'a.packed'):
        summary = imported(bench, source, 'b.lackey', '--to', 'lackey', '--skip', '700',
                           '--limit', '900')
        same(summary['records'], 900)
        same(bench.read('b.lackey').decode(), ''.join(records[700:1600]))
        imported(bench, source, 'c.lackey', '--to', 'lackey', '--only', 'data')
        same(bench.read('c.lackey').decode(),
             ''.join(line for line in records if line[0] != 'I'))
        imported(bench, source, 'd.lackey', '--to', 'lackey', '--only', 'instruction')
        same(bench.read('d.lackey').decode(),
             ''.join(line for line in records if line[0] == 'I'))


def test_bad_lines(bench):
    """A bad line is an error with its place, or skipped, counted and told"""
    bench.write('bad', ' L 10,1\n L 20\n S 30,1\nnothing\n')
    bench.expect(DATA, 'import', 'bad', '-o', 'a.packed',
                 says="bad:2:6: error: expected ',' and a size after the address")
    assert not os.path.exists(bench.path('a.packed'))
    done = bench.expect(0, 'import', 'bad', '-o', 'a.packed', '--on-error', 'skip', '--json',
                        says='bad: 2 bad lines or records skipped')
    same(json.loads(done.stdout)['bad'], 2)
    same(json.loads(done.stdout)['records'], 2)


def test_csv_of_processes(bench):
    """One process of a CSV of several"""
    bench.write('a.csv', 'pid,kind,address,size\n1,load,16,4\n2,store,32,4\n1,load,48,4\n')
    bench.expect(DATA, 'import', 'a.csv', '-o', 'a.packed',
                 says='a.csv:3:1: error: another pid than before')
    same(imported(bench, 'a.csv', 'a.packed', '--pid', '1')['passed_over'], 1)
    imported(bench, 'a.packed', 'b.csv', '--to', 'csv')
    same(bench.read('b.csv'), b'kind,address,size\nload,0x10,4\nload,0x30,4\n')
    bench.expect(DATA, 'import', SORT, '-o', 'a.packed', '--pid', '1',
                 says='error: --pid and --cpu need a column of a CSV, and this is lackey')


def test_statuses(bench):
    """Exit statuses of what cannot be"""
    bench.expect(USAGE, 'import', SORT, says='-o FILE is missing')
    bench.expect(USAGE, 'import', SORT, '-o', 'a', '--to', 'lacky', says="did you mean 'lackey'?")
    bench.expect(NO_INPUT, 'import', 'nothing', '-o', 'a', says='nothing: error: cannot open')
    bench.expect(NO_INPUT, 'import', '.', '-o', 'a', says='.: error: is a directory')
    bench.write('empty', '')
    bench.expect(DATA, 'import', 'empty', '-o', 'a', says='empty: error: the trace is empty')
    bench.expect(harness.CANNOT_CREATE, 'import', SORT, '-o', 'no/a', says='cannot create')
    if os.path.exists('/dev/full'):
        bench.expect(harness.IO, 'import', SORT, '-o', '/dev/full', says='No space left')
    same(bench.names(), ['empty'])


def test_damage(bench):
    """A damaged or cut packed trace ends a replay with the byte"""
    imported(bench, SORT, 'a.packed')
    whole = bench.read('a.packed')
    bench.write('a.yaml', REPLAY.replace('FILE', 'b.packed'))
    for bytes_of, says in ((whole[:4000], 'b.packed: error: cut off at byte 4000'),
                           (whole[:200] + b'?' + whole[201:],
                            'b.packed: error: damaged at byte 96'),
                           (whole + b'?', f'b.packed: error: damaged at byte {len(whole)}')):
        with open(bench.path('b.packed'), 'wb') as file:
            file.write(bytes_of)
        bench.expect(DATA, 'run', '-q', '-o', 'a.json', 'a.yaml', says=says)


def test_replay_of_every_form(bench):
    """A replay comes to the same from text, packed, and compressed"""
    with open(SORT, 'rb') as file:
        text = file.read()
    imported(bench, SORT, 'a.packed')
    with open(bench.path('a.xz'), 'wb') as file:
        file.write(lzma.compress(text))
    results = []
    for trace in (SORT, 'a.packed', 'a.xz'):
        bench.write('a.yaml', REPLAY.replace('FILE', trace))
        bench.expect(0, 'run', '-q', '--no-times', '-o', 'a.json', 'a.yaml')
        result = json.loads(bench.read('a.json'))
        results.append((result['stats'], result['events'][0]['cost'],
                        result['events'][0]['accesses']))
    same(results[1], results[0], 'packed')
    same(results[2], results[0], 'xz')


if __name__ == '__main__':
    sys.exit(harness.main(globals()))
