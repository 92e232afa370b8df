"""run --dump-memory: what is in the file, where it goes, and what happens when it cannot; TAP.

usage: dump.py MDLSIM SOURCE_ROOT
"""
import os
import shutil
import signal
import subprocess
import sys

import harness
from harness import CANNOT_CREATE, DATA, GOOD, IO, USAGE, Skip, died_of, same

sys.path.insert(0, os.path.join(sys.argv[2], 'tests', 'differential'))
import core_file  # pylint: disable=wrong-import-position

CONTENTS = '''mdlsim: 1
name: Known bytes at known places
machine: {os: windows-10, arch: ARCH, cpu: {preset: ice-lake-sp}, ram: 64 MiB}
processes:
  app: {buffers: {buf: {size: 16 KiB}}}
  other: {buffers: {far: {size: 4 KiB, at: 0x70000000}}}
steps:
  - write: {address: $buf + 8, value: 0x1122334455667788}
  - write: {address: $buf + 0x2FFC, size: 4, value: 0xA1B2C3D4}
  - read: {address: $buf + 0x1000}
  - MmAllocatePagesForMdl: {LowAddress: 0x1000000, HighAddress: 0x1FFFFFF, SkipBytes: 0,
      TotalBytes: 8 KiB}
    as: mdl
  - MmMapLockedPagesSpecifyCache: {MemoryDescriptorList: $mdl, AccessMode: KernelMode,
      CacheType: MmCached, RequestedAddress: NULL, BugCheckOnFailure: false,
      Priority: NormalPagePriority}
    as: system_va
  - write: {address: $system_va + 0xFF8, value: 0x55}
  - assert: pa($system_va) >= 0x1000000 and pa($system_va) < 0x2000000
'''


def write_contents(bench, arch='x64'):
    bench.write('c.yaml', CONTENTS.replace('ARCH', arch))


def dump(bench, *words):
    bench.expect(0, 'run', '-q', '--format', 'none', '--dump-memory', 'm.core', *words)
    return core_file.CoreFile(bench.read('m.core'))


def frame_with(core, number, at, size):
    wanted = number.to_bytes(size, 'little')
    found = [p for p, data in core.frames().items() if data[at:at + size] == wanted]
    same(len(found), 1, f'frames with {number:#x}')
    return found[0], core.frames()[found[0]]


def test_contents(bench):
    """What was written is there, at its place in its frame; the rest of a zeroed page is zero."""
    for arch in ('x64', 'x64-la57', 'x86-pae'):
        write_contents(bench, arch)
        core = dump(bench, 'c.yaml')
        _, page = frame_with(core, 0x1122334455667788, 8, 8)
        assert not any(page[:8]) and not any(page[16:])
        frame_with(core, 0xA1B2C3D4, 0xFFC, 4)
        at, page = frame_with(core, 0x55, 0xFF8, 8)
        assert 0x1000000 <= at < 0x2000000, hex(at)
        same(core.machine, 3 if arch == 'x86-pae' else 62)


def test_registers(bench):
    """CR0, CR3, CR4 and EFER are those of the paging mode and of the running process."""
    for arch, cr4, efer in (('x64', 0xB0, 0xD00), ('x64-la57', 0x10B0, 0xD00),
                            ('x86-pae', 0xB0, 0x800)):
        write_contents(bench, arch)
        core = dump(bench, 'c.yaml')
        same(len(core.cpus), 1)
        same(core.cpus[0]['cr'], (0x80010031, 0, 0, core.spaces['app'][1], cr4), arch)
        same(core.efer, [efer], arch)
        same([(name, row[0]) for name, row in core.spaces.items()],
             [('System', 0), ('app', 1), ('other', 2)])
        same(len({row[1] for row in core.spaces.values()}), 3, 'roots')
        assert all(row[1] in core.frames() for row in core.spaces.values()), 'roots are stored'


def test_processors(bench):
    """Each processor has the CR3 of the address space that it is in."""
    bench.write('c.yaml', '''mdlsim: 1
name: Two processes on two of four processors
machine: {os: windows-10, cpu: {preset: ice-lake-sp, count: 4}, ram: 64 MiB}
processes: {app: {buffers: {buf: {size: 4 KiB}}}, other: {buffers: {far: {size: 4 KiB}}}}
threads:
  a: {process: app, cpu: 2, steps: [write: {address: $buf, value: 1}]}
  b: {process: other, cpu: 1, steps: [write: {address: $far, value: 2}]}
''')
    core = dump(bench, 'c.yaml')
    roots = {root: name for name, (_, root) in core.spaces.items()}
    same([roots[cpu['cr'][3]] for cpu in core.cpus], ['System', 'other', 'app', 'System'])


def test_many_segments(bench):
    """More than 65,534 runs of frames: their number stands in a section header."""
    bench.write('m.yaml', '''mdlsim: 1
name: Every second frame
machine: {os: windows-10, cpu: {preset: unit}, ram: 1 GiB}
mm: {fragmentation: {kind: checkerboard, run: 1}}
processes: {app: {buffers: {buf: {size: 280 MiB}}}}
steps:
  - write: {address: $buf, length: 280 MiB, stride: 4 KiB, value: 1}
''')
    core = dump(bench, 'm.yaml')
    assert len(core.loads) > 0xFFFF, len(core.loads)
    same(sum(length for _, _, length in core.loads) // 4096 >= 71680, True)
    if shutil.which('readelf') is None:
        return
    done = subprocess.run(['readelf', '-lW', bench.path('m.core')], capture_output=True, check=True)
    same(done.stderr, b'')
    same(done.stdout.count(b'\n  LOAD '), len(core.loads))


def test_readelf(bench):
    """readelf reads headers and notes without a warning."""
    if shutil.which('readelf') is None:
        raise Skip('there is no readelf')
    write_contents(bench)
    core = dump(bench, 'c.yaml')
    done = subprocess.run(['readelf', '-hlnW', bench.path('m.core')], capture_output=True,
                          check=True)
    same(done.stderr, b'')
    assert b'CORE (Core file)' in done.stdout and b'NT_PRSTATUS' in done.stdout, done.stdout
    same(done.stdout.count(b'\n  LOAD '), len(core.loads))


def test_same_bytes(bench):
    """The same bytes again, on standard output, in a folder, and whatever the trace is."""
    write_contents(bench)
    bench.write('a.yaml', GOOD)
    dump(bench, 'c.yaml')
    once = bench.read('m.core')
    done = bench.expect(0, 'run', '-q', '-o', 'x.json', '--dump-memory', '-', 'c.yaml')
    same(done.stdout == once, True)
    bench.expect(0, 'run', '-q', '-j', '2', '--format', 'none', '--dump-memory', 'out/', 'c.yaml',
                 'a.yaml')
    same(bench.names('out'), ['a.core', 'c.core'])
    same(bench.read('out/c.core') == once, True)
    bench.expect(0, 'run', '-q', '--format', 'none', '--dump-memory', 'out', 'c.yaml')
    same(bench.names('out'), ['a.core', 'c.core'])


def test_trace_is_the_same(bench):
    """A dump changes nothing in the trace."""
    write_contents(bench)
    bench.expect(0, 'run', '-q', '-o', 'x.json', 'c.yaml')
    bench.expect(0, 'run', '-q', '-o', 'y.json', '--dump-memory', 'm.core', 'c.yaml')
    same(bench.read('x.json') == bench.read('y.json'), True)


def test_bug_check(bench):
    """A run that ends in a bug check has its dump; one that is invalid has none."""
    bench.write('b.yaml', GOOD + '  - IoFreeMdl: {Mdl: $mdl}\n    expect: {bugcheck: 0xC2}\n')
    bench.run('run', '-q', '--format', 'none', '--dump-memory', 'b.core', 'b.yaml')
    core_file.CoreFile(bench.read('b.core'))
    bench.write('bad.yaml', harness.INVALID)
    bench.expect(DATA, 'run', '--dump-memory', 'c.core', 'bad.yaml')
    bench.write('late.yaml', GOOD + '  - assert: pfn(0x10000) == 1\n')
    bench.write('late.core', 'old')
    bench.expect(DATA, 'run', '-q', '--format', 'none', '--dump-memory', 'late.core', 'late.yaml')
    same(bench.read('late.core'), b'old')
    same(bench.names(), ['b.core', 'b.yaml', 'bad.yaml', 'late.core', 'late.yaml'])


def test_usage(bench):
    """Names that do not fit together are usage errors, and nothing is written."""
    write_contents(bench)
    bench.write('d/c.yaml', GOOD)
    for words in (('--dump-memory', 'm', 'c.yaml', 'd/c.yaml'),
                  ('--dump-memory', '-', 'c.yaml', 'd/c.yaml'),
                  ('--format', 'none', '--dump-memory', './', 'c.yaml', 'd/c.yaml'),
                  ('-o', '-', '--dump-memory', '-', 'c.yaml'),
                  ('-o', 'x', '--dump-memory', 'x', 'c.yaml'),
                  ('--json', '--dump-memory', '-', 'c.yaml')):
        bench.expect(USAGE, 'run', *words)
        same(bench.names(), ['c.yaml', 'd'])
    bench.expect(CANNOT_CREATE, 'run', '--dump-memory', 'no/m.core', 'c.yaml', says='no/m.core')
    bench.expect(CANNOT_CREATE, 'run', '--dump-memory', 'c.yaml/', 'c.yaml', says='c.yaml/')
    same(bench.names(), ['c.yaml', 'd'])


def test_full(bench):
    """A full device, a limit on file sizes, a closed output: an error, and no half file."""
    write_contents(bench)
    bench.write('m.core', 'old')
    words = 'run -q --format none --dump-memory'
    script = f'trap "" XFSZ; ulimit -f 16; exec "$0" {words} m.core c.yaml'
    done = subprocess.run(['/bin/sh', '-c', script, bench.mdlsim], cwd=bench.folder,
                          stderr=subprocess.PIPE, check=False)
    same(done.returncode, IO, done.stderr)
    assert b'm.core: cannot write: File too large' in done.stderr, done.stderr
    same(bench.read('m.core'), b'old')
    same(bench.names(), ['c.yaml', 'm.core'])
    script = f'exec "$0" {words} - c.yaml >&-'
    done = subprocess.run(['/bin/sh', '-c', script, bench.mdlsim], cwd=bench.folder,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode in (CANNOT_CREATE, IO) and done.stderr, done
    if os.path.exists('/dev/full'):
        bench.expect(IO, 'run', '-q', '--format', 'none', '--dump-memory', '/dev/full', 'c.yaml',
                     says='No space left')
        with open('/dev/full', 'wb') as full:
            bench.expect(IO, 'run', '-q', '--format', 'none', '--dump-memory', '-', 'c.yaml',
                         stdout=full, says='No space left')


def test_interrupted(bench):
    """An interrupt leaves the old file; a closed pipe ends the run quietly."""
    bench.write('long.yaml', harness.LONG)
    write_contents(bench)
    bench.write('m.core', 'old')
    process = bench.start('run', '-q', '-o', 'x.json', '--dump-memory', 'm.core', 'long.yaml')
    try:
        harness.wait_for_file(bench, '.x.json.mdlsim-tmp')
        assert '.m.core.mdlsim-tmp' in bench.names()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=harness.TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.wait()
    died_of(process.returncode, signal.SIGINT)
    same(bench.names(), ['c.yaml', 'long.yaml', 'm.core'])
    same(bench.read('m.core'), b'old')
    reader, writer = os.pipe()
    os.close(reader)
    process = bench.start('run', '-q', '--format', 'none', '--dump-memory', '-', 'c.yaml',
                          stdout=writer)
    os.close(writer)
    errors = process.communicate(timeout=harness.TIMEOUT_SECONDS)[1]
    died_of(process.returncode, signal.SIGPIPE)
    same(errors, b'')


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
