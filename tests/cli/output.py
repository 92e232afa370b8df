"""Where traces go, and what happens when they cannot: files, folders, full disks, pipes; TAP.

usage: output.py MDLSIM
"""
import contextlib
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys

import harness
from harness import CANNOT_CREATE, GOOD, IO, USAGE, Skip, died_of, same

MANY = harness.rounds(2000, 'A trace of some hundred kilobytes')


def make(bench):
    bench.write('a.yaml', GOOD)
    bench.write('b.yaml', GOOD)


def test_default_name(bench):
    """Without -o the trace is STEM.trace.json in the current folder, and run says so."""
    bench.write('sub/a.yaml', GOOD)
    bench.expect(0, 'run', 'sub/a.yaml', says='a.trace.json')
    same(bench.names(), ['a.trace.json', 'sub'])
    bench.expect(0, 'run', '--format', 'jsonl', 'sub/a.yaml', says='a.trace.jsonl')
    lines = bench.read('a.trace.jsonl').decode().splitlines()
    same([list(json.loads(line)) != [] for line in lines], [True] * len(lines))


def test_no_trace(bench):
    """--format none writes a file only with -o, without events."""
    make(bench)
    bench.expect(0, 'run', '--format', 'none', 'a.yaml')
    same(bench.names(), ['a.yaml', 'b.yaml'])
    bench.expect(0, 'run', '--format', 'none', '-o', 'x.json', 'a.yaml')
    same(json.loads(bench.read('x.json'))['events'], [])


ARGUMENTS = '''mdlsim: 1
name: Arguments as they were given
machine: {os: windows-10, ram: 64 MiB, devices: {nic: {bars: [{size: 8 KiB}]}}}
processes: {app: {buffers: {buf: {size: 64 KiB}}}}
steps:
  - read: {address: $buf, length: 12288, stride: 4096}
  - replay: {file: FOLDER/t.lackey}
  - ExAllocatePool2: [POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED, 64, 'Test']
  - MmAllocateMdlForIoSpace:
      PhysicalAddressList: [{PhysicalAddress: 0xC0000000, NumberOfBytes: 8192}]
    as: mdl
  - set: {$mdl.MdlFlags: 10, "$mdl.Pfn[0]": 354, $mdl.StartVa: 0x18000}
'''


def test_arguments(bench):
    """Arguments stand as given: lengths, flags by name, structures whole, no absolute path."""
    bench.write('t.lackey', ' L 01000000,8\n')
    bench.write('a.yaml', ARGUMENTS.replace('FOLDER', os.path.abspath(bench.folder)))
    bench.expect(0, 'run', '-q', '-o', 'x.json', 'a.yaml')
    args = [event['args'] for event in json.loads(bench.read('x.json'))['events']]
    same(args[0]['length'], 12288)
    same(args[1]['file'], 't.lackey')
    same(args[2]['Flags'], 'POOL_FLAG_UNINITIALIZED | POOL_FLAG_PAGED')
    same(args[3]['PhysicalAddressList'],
         [{'PhysicalAddress': '0xC0000000', 'NumberOfBytes': 8192}])
    same(args[4], {'$mdl.MdlFlags': 'MDL_PAGES_LOCKED | MDL_ALLOCATED_FIXED_SIZE',
                   '$mdl.Pfn[0]': '0x162', '$mdl.StartVa': '0x18000'})


def test_standard_output(bench):
    """-o - writes the same bytes to standard output."""
    make(bench)
    bench.expect(0, 'run', '-q', '-o', 'x.json', 'a.yaml')
    same(bench.expect(0, 'run', '-q', '-o', '-', 'a.yaml').stdout, bench.read('x.json'))


def test_folder(bench):
    """-o with a folder puts each trace there; a name that ends in a slash is made."""
    make(bench)
    bench.expect(0, 'run', '-q', '-o', 'out/', 'a.yaml', 'b.yaml')
    same(bench.names('out'), ['a.trace.json', 'b.trace.json'])
    bench.expect(0, 'run', '-q', '-o', 'out', 'a.yaml')
    bench.expect(USAGE, 'run', '-o', 'none', 'a.yaml', 'b.yaml', says="'none/'")
    bench.expect(USAGE, 'run', '-o', '-', 'a.yaml', 'b.yaml')
    same(bench.names(), ['a.yaml', 'b.yaml', 'out'])


def test_equal_stems(bench):
    """Two scenarios of the same stem would write the same file: usage."""
    bench.write('one/a.yaml', GOOD)
    bench.write('two/a.yaml', GOOD)
    bench.expect(USAGE, 'run', 'one/a.yaml', 'two/a.yaml', says='a.trace.json')
    bench.expect(USAGE, 'run', '-o', 'out/', 'one/a.yaml', 'two/a.yaml', says='a.trace.json')
    bench.expect(0, 'run', '--format', 'none', 'one/a.yaml', 'two/a.yaml')


def test_replaces(bench):
    """An old file is replaced whole, its mode and a link to it stay."""
    make(bench)
    bench.write('real.json', 'old')
    os.chmod(bench.path('real.json'), 0o640)
    os.symlink('real.json', bench.path('link.json'))
    bench.write('.real.json.mdlsim-tmp', 'left by a run that was killed')
    bench.expect(0, 'run', '-q', '-o', 'link.json', 'a.yaml')
    json.loads(bench.read('real.json'))
    assert os.path.islink(bench.path('link.json'))
    same(stat.S_IMODE(os.stat(bench.path('real.json')).st_mode), 0o640, 'modes')
    same(bench.names(), ['a.yaml', 'b.yaml', 'link.json', 'real.json'])


def test_old_file_stays(bench):
    """A run that fails leaves the old file as it was."""
    bench.write('bad.yaml', harness.INVALID)
    bench.write('x.json', 'old')
    bench.expect(harness.DATA, 'run', '-o', 'x.json', 'bad.yaml')
    same(bench.read('x.json'), b'old')
    same(bench.names(), ['bad.yaml', 'x.json'])


def test_json_lines(bench):
    """JSON Lines hold the events of the JSON, and a count and a digest of them."""
    make(bench)
    bench.expect(0, 'run', '-q', 'a.yaml')
    bench.expect(0, 'run', '-q', '--format', 'jsonl', 'a.yaml')
    lines = bench.read('a.trace.jsonl').splitlines(keepends=True)
    trace = json.loads(bench.read('a.trace.json'))
    head, last = json.loads(lines[0]), json.loads(lines[-1])
    same([json.loads(line) for line in lines[1:-1]], trace['events'])
    same(last.pop('count'), len(trace['events']))
    same(last.pop('digest'), hashlib.sha256(b''.join(lines[1:-1])).hexdigest())
    same(head | {'events': trace['events']} | last, trace)


def test_own_scenario(bench):
    """A trace is not written over its scenario, by whatever name."""
    make(bench)
    os.symlink('a.yaml', bench.path('link'))
    before = bench.read('a.yaml')
    bench.expect(harness.USAGE, 'run', 'a.yaml', '-o', 'a.yaml', says='is the scenario')
    bench.expect(harness.USAGE, 'run', 'a.yaml', '-o', './link', says='is the scenario')
    bench.expect(harness.USAGE, 'run', 'a.yaml', '--dump-memory', 'a.yaml', says='is the scenario')
    same(bench.read('a.yaml'), before)


def test_own_inputs(bench):
    """Nor over an include or a trace that the scenario reads; an import not over its input."""
    make(bench)
    bench.write('trace.lackey', ' L 10000,4\n')
    bench.write('part.yaml', 'processes: {p: {}}\n')
    bench.write('c.yaml', 'mdlsim: 1\nname: c\ninclude: [part.yaml]\n'
                'machine: {cpu: {preset: unit}}\nsteps: [replay: {file: trace.lackey}]\n')
    for target in ('trace.lackey', './part.yaml'):
        for option in ('-o', '--dump-memory'):
            bench.expect(harness.USAGE, 'run', 'c.yaml', option, target, says='written over')
    bench.expect(harness.USAGE, 'import', 'trace.lackey', '-o', './trace.lackey',
                 says='is the input')
    same(bench.read('trace.lackey'), b' L 10000,4\n')
    same(bench.read('part.yaml'), b'processes: {p: {}}\n')
    bench.expect(0, 'run', '-q', 'c.yaml', '-o', 'c.json')


def test_not_a_folder(bench):
    """A target in a folder that does not exist is status 73."""
    make(bench)
    bench.expect(CANNOT_CREATE, 'run', '-o', 'no/x.json', 'a.yaml', says='no/x.json')
    bench.expect(CANNOT_CREATE, 'run', '-o', 'a.yaml/x.json', 'a.yaml', says='a.yaml/x.json')
    bench.expect(CANNOT_CREATE, 'run', '-o', 'no/out/', 'a.yaml', 'b.yaml', says='no/out/')


def test_unwritable(bench):
    """A target in a folder without write permission is status 73."""
    if os.geteuid() == 0:
        raise Skip('root may write everywhere')
    make(bench)
    with harness.without_write_permission(bench.folder):
        bench.expect(CANNOT_CREATE, 'run', 'a.yaml', says='a.trace.json')


def test_full_device(bench):
    """Writing to /dev/full is status 74 for every command, with a message."""
    if not os.path.exists('/dev/full'):
        raise Skip('there is no /dev/full')
    make(bench)
    bench.expect(IO, 'run', '-o', '/dev/full', 'a.yaml', says='No space left')
    bench.expect(0, 'run', '-q', 'a.yaml', 'b.yaml')
    for words in (['run', '-q', '-o', '-', 'a.yaml'], ['version'], ['list', 'routines'],
                  ['list', 'limits'], ['explain', 'IoAllocateMdl'], ['schema', 'trace'],
                  ['manual', 'rules'], ['--help'], ['run', '--help'],
                  ['run', '--emit-config', 'a.yaml'], ['check', '--json', 'a.yaml'],
                  ['run', '--json', '--format', 'none', '-q', 'a.yaml'],
                  ['diff', 'a.trace.json', 'b.trace.json']):
        with open('/dev/full', 'wb') as full:
            bench.expect(IO, *words, stdout=full, says='No space left')


def test_closed_output(bench):
    """A closed standard output is an error, never silent, and no file gets its number."""
    make(bench)
    for words in ('version', 'list routines', 'run -q -o - a.yaml', 'run --emit-config a.yaml',
                  'manual rules'):
        done = subprocess.run(['/bin/sh', '-c', f'exec "$0" {words} >&-', bench.mdlsim],
                              cwd=bench.folder, stderr=subprocess.PIPE, check=False)
        assert done.returncode in (CANNOT_CREATE, IO), (words, done)
        assert done.stderr, words


def test_closed_pipe(bench):
    """A reader that goes away ends the run quietly, by SIGPIPE."""
    bench.write('many.yaml', MANY)
    for words in (['run', '-q', '-o', '-', 'many.yaml'], ['manual', 'routines']):
        reader, writer = os.pipe()
        os.close(reader)
        process = bench.start(*words, stdout=writer)
        os.close(writer)
        errors = process.communicate(timeout=harness.TIMEOUT_SECONDS)[1]
        died_of(process.returncode, signal.SIGPIPE)
        same(errors, b'')
    same(bench.names(), ['many.yaml'])


@contextlib.contextmanager
def small_disk(bench, kibibytes):
    """A file system of that size; only root can mount one, and not everywhere."""
    folder = bench.path('disk')
    os.mkdir(folder)
    command = ['mount', '-t', 'tmpfs', '-o', f'size={kibibytes}k', 'tmpfs', folder]
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode != 0:
        raise Skip('no small file system can be mounted')
    try:
        yield folder
    finally:
        subprocess.run(['umount', folder], check=True)


def test_full_disk(bench):
    """A full disk is status 74; the old file stays and nothing else is left."""
    bench.write('many.yaml', MANY)
    with small_disk(bench, 64):
        bench.write('disk/x.json', 'old')
        bench.expect(IO, 'run', '-o', 'disk/x.json', 'many.yaml', says='No space left')
        same(bench.names('disk'), ['x.json'])
        same(bench.read('disk/x.json'), b'old')


def test_size_limit(bench):
    """A limit on the size of files (RLIMIT_FSIZE) leaves no half file either."""
    bench.write('many.yaml', MANY)
    script = 'trap "" XFSZ; ulimit -f 16; exec "$0" run -o x.json many.yaml'
    done = subprocess.run(['/bin/sh', '-c', script, bench.mdlsim], cwd=bench.folder,
                          stderr=subprocess.PIPE, check=False)
    same(done.returncode, IO, done.stderr)
    assert b'File too large' in done.stderr, done.stderr
    same(bench.names(), ['many.yaml'])


def test_fifo(bench):
    """What is no regular file is written in place."""
    make(bench)
    os.mkfifo(bench.path('fifo'))
    process = bench.start('run', '-q', '-o', 'fifo', 'a.yaml')
    with open(bench.path('fifo'), 'rb') as file:
        trace = json.loads(file.read())
    process.communicate(timeout=harness.TIMEOUT_SECONDS)
    same(process.returncode, 0)
    same(len(trace['events']), 2)
    assert stat.S_ISFIFO(os.stat(bench.path('fifo')).st_mode)


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
