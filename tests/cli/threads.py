"""Threads and processors: many of them, errors that show as they run, replays side by side; TAP.

usage: threads.py MDLSIM SOURCE_ROOT
"""
import hashlib
import json
import os
import sys
import time

import harness
from harness import same

HEAD = 'mdlsim: 1\nname: Threads\n'
SECONDS_MAX = 20


def crowd(processors, threads, rounds):
    """Threads in a ring: each locks, maps, touches and unlocks a buffer and wakes the next one.
    There are few system PTEs, so that mappings are flushed on all processors again and again."""
    lines = [HEAD + 'machine: {os: windows-10, cpu: {preset: generic, count: %d}, ram: 1 GiB}'
             % processors,
             f'mm: {{system_ptes: {threads * 8}}}',
             'processes: {app: {buffers: {buf: {size: 16 MiB, touched: true}}}}',
             'procedures:',
             '  work:',
             '    parameters: [at]',
             '    steps:',
             '      - IoAllocateMdl: {VirtualAddress: $buf + $at * 8 KiB, Length: 8 KiB}',
             '        as: m',
             '      - MmProbeAndLockPages: [$m, KernelMode, IoReadAccess]',
             '      - MmGetSystemAddressForMdlSafe: [$m, NormalPagePriority]',
             '      - read: {address: $buf + $at * 8 KiB, length: 4 KiB, stride: 64, count: 50}',
             '      - MmUnlockPages: $m',
             '      - IoFreeMdl: $m',
             'threads:']
    for i in range(threads):
        lines += [f'  t{i}:',
                  f'    cpu: {i * 7 % processors}',
                  '    steps:',
                  f'      - repeat: {{count: {rounds}, index: i, do: [{{do: work, '
                  f'with: {{at: {i}}}}}, {{signal: e{(i + 1) % threads}}}, '
                  f'{{wait: e{i}}}, {{delay: ({i} % 7 + 1) * 1 us}}]}}']
    return '\n'.join(lines) + '\n'


def clocks_agree(trace):
    """On each processor events, interrupts and idle time are the clock, and no time runs back."""
    spent, last = {}, 0
    for event in trace['events']:
        spent[event['cpu']] = spent.get(event['cpu'], 0) + event['cycles']
        assert event['t'] >= last, event
        last = event['t']
    for name, cpu in trace['stats']['cpu'].items():
        same(cpu['busy'], spent.get(int(name[3:]), 0))
        same(cpu['busy'] + cpu['interrupts'] + cpu['idle'], trace['end']['t'])


def test_crowd(bench):
    """1,000 threads on 256 processors: the same bytes each time, and soon."""
    bench.write('crowd.yaml', crowd(256, 1000, 5))
    start = time.monotonic()
    bench.expect(0, 'run', '-q', '-o', 'first.json', 'crowd.yaml')
    assert time.monotonic() - start < SECONDS_MAX
    bench.expect(0, 'run', '-q', '-o', 'second.json', 'crowd.yaml')
    first = bench.read('first.json')
    assert first == bench.read('second.json')
    trace = json.loads(first)
    same(trace['machine']['cpus'], 256)
    same(len({event['thread'] for event in trace['events']}), 1000)
    same(trace['leaks'], [])
    sent = sum(cpu['flushes']['shootdowns_sent'] for cpu in trace['stats']['tlb'].values())
    assert sent > 100000, sent
    clocks_agree(trace)


def test_small_crowds(bench):
    """The same on few processors, checked after each step, at any price of a wait."""
    for processors, price in ((1, 1), (2, 1), (3, 1), (3, 0), (3, 7)):
        bench.write('crowd.yaml', crowd(processors, 9, 3))
        bench.expect(0, 'run', '-q', '--self-check', '-o', 'out.json', 'crowd.yaml', '--set',
                     f'machine.cpu.costs.lock_wait={price}')
        clocks_agree(json.loads(bench.read('out.json')))


LEFT = HEAD + """machine: {os: windows-10, cpu: {preset: unit}}
procedures:
  raises: [{raise_irql: DISPATCH_LEVEL}]
steps:
  - queue_apc: {thread: main, procedure: raises, kind: %s}
  - assert: FALSE
"""


def test_apc_left_at_level(bench):
    """An APC that leaves a raised IRQL behind stops the system, at the step that queued it."""
    for kind, levels in (('special', '0x20100'), ('normal', '0x20001')):
        bench.write('left.yaml', LEFT % kind)
        bench.expect(1, 'run', '--format', 'none', 'left.yaml',
                     says=f'left.yaml:7:5: error: bug check 0xC8 IRQL_UNEXPECTED_VALUE ({levels}, '
                          '0x0, 0x0, 0x0), which nobody expected [at steps[0]]')


DEADLOCK = HEAD + """machine: {cpu: {count: 2}}
threads:
  rx: {steps: [{wait: a}, {signal: b}]}
  tx: {cpu: 1, steps: [{delay: 1 us}, {wait: b}, {signal: a}]}
  ux: {steps: [{delay: 2 us}]}
"""


def test_deadlock(bench):
    """A wait that nobody can end is an error at its place, which names who waits for whom."""
    bench.write('deadlock.yaml', DEADLOCK)
    bench.expect(65, 'run', '--format', 'none', 'deadlock.yaml',
                 says="deadlock.yaml:5:16: error: nobody can end this wait: 'tx' would signal 'a' "
                      "at line 6, but waits for 'b' at line 6 [at threads.rx.steps[0]")
    bench.expect(65, 'run', '--format', 'none', 'deadlock.yaml',
                 says="deadlock.yaml:6:39: error: nobody can end this wait: 'rx' would signal 'b' "
                      "at line 5, but waits for 'a' at line 5 [at threads.tx.steps[1]")
    bench.write('silent.yaml', DEADLOCK.replace('{signal: a}', '{delay: 1 us}'))
    bench.expect(65, 'run', '--format', 'none', 'silent.yaml',
                 says="silent.yaml:5:16: error: nobody can end this wait: every thread waits or is "
                      "done, and none that waits signals 'a' [at threads.rx.steps[0]")


ENDLESS = HEAD + """machine: {ram: 64 MiB}
steps:
  - delay: 10 us
  - repeat: {count: 2, every: %s, do: [{delay: 1 us}]}
"""


def test_end_of_time(bench):
    """Rounds of which the second would begin beyond 2^64 cycles, and one that just fits."""
    for every in ('0xFFFFFFFFFFFFFFFF cycles', '0xFFFFFFFFFFFF9000 cycles'):
        bench.write('endless.yaml', ENDLESS % every)
        bench.expect(65, 'run', '--format', 'none', 'endless.yaml',
                     says='endless.yaml:6:5: error: the next round begins after the end of time, '
                          '2^64 cycles [at steps[1]]')
    bench.write('endless.yaml', ENDLESS % '0xFFFFFFFFFFFF0000 cycles')
    bench.expect(0, 'run', '-q', '--format', 'none', 'endless.yaml')


STACKS = HEAD + """machine: {ram: [{base: 0, size: 1080 KiB}]}
threads:
  rx: {steps: []}
  tx: {steps: []}
"""


def test_stacks(bench):
    """A stack that does not fit into RAM is an error at its thread."""
    bench.write('stacks.yaml', STACKS)
    bench.expect(65, 'run', '--format', 'none', 'stacks.yaml',
                 says='stacks.yaml:6:3: error: there is not enough RAM for the stack of this '
                      'thread')


REPLAYS = HEAD + """machine: {os: windows-10, cpu: {preset: unit, count: 2}, ram: 64 MiB}
processes: {app: {}, tool: {}}
threads:
  one: {process: app, steps: [{replay: {file: t.din}}]}
  two: {process: tool, cpu: 1, steps: [{delay: 100 ns}, {replay: {file: t.din}}]}
"""


def test_replays(bench):
    """Two replays run side by side and come to what each comes to alone."""
    bench.write('t.din', ''.join(f'{i % 3} {0x10000 + i * 520 % 0x40000:x}\n'
                                 for i in range(3000)))
    bench.write('replays.yaml', REPLAYS)
    bench.write('alone.yaml', REPLAYS.split('  two')[0])
    bench.expect(0, 'run', '-q', '-o', 'both.json', 'replays.yaml')
    bench.expect(0, 'run', '-q', '-o', 'alone.json', 'alone.yaml')
    both, alone = (json.loads(bench.read(name)) for name in ('both.json', 'alone.json'))
    one, two = ([e for e in both['events'] if e['call'] == 'replay' and e['thread'] == name][0]
                for name in ('one', 'two'))
    only = alone['events'][0]
    for key in ('accesses', 'cost', 'cycles', 'delta'):
        same(one[key], only[key])
        same(two[key], only[key])
    same((one['t'], two['t']), (0, 100))
    same(both['end']['t'], 100 + only['cycles'])


WAITING = HEAD + """machine: {os: windows-10, cpu: {preset: generic, count: 2}, ram: 2 GiB}
processes: {app: {buffers: {big: {size: 256 MiB}, small: {size: 64 KiB, touched: true}}}}
threads:
  long:
    steps:
      - IoAllocateMdl: [$big, 256 MiB]
        as: m
      - MmProbeAndLockPages: [$m, KernelMode, IoWriteAccess]
  short:
    cpu: 1
    steps:
      - IoAllocateMdl: [$small, 64 KiB]
        as: s
      - repeat: {count: %d, do: [{MmProbeAndLockPages: [$s, KernelMode, IoReadAccess]},
                                    {MmUnlockPages: $s}]}
"""


def test_waiting_lines(bench):
    """Lines that wait for a long call take no memory, however many they are."""
    peaks = []
    for rounds in (5000, 25000):
        bench.write('waiting.yaml', WAITING % rounds)
        for output in ('-o', 'out.jsonl', 'waiting.yaml'), ('-o', '-', 'waiting.yaml'):
            run = bench.start('run', '-q', '--format', 'jsonl', *output)
            written = run.stdout.read()
            _, status, usage = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
            run.stderr.close()
            same(run.returncode, 0)
        peaks.append(usage.ru_maxrss)
        same(written, bench.read('out.jsonl'))
        lines = written.splitlines(keepends=True)
        digest = hashlib.sha256(b''.join(lines[1:-1])).hexdigest()
        same(json.loads(lines[-1])['digest'], digest)
        events = [json.loads(line) for line in lines[1:-1]]
        same([event['seq'] for event in events], list(range(2 * rounds + 3)))
        long = [i for i, e in enumerate(events) if e['cycles'] > 10000000]
        same(len(long), 1)
        assert long[0] < 10 and events[-1]['t'] < events[long[0]]['cycles'], events[-1]['t']
    assert peaks[1] - peaks[0] < 4096, peaks
    same(bench.names(), ['out.jsonl', 'waiting.yaml'])


ARRIVALS = HEAD + """machine: {os: windows-10, cpu: {preset: unit, count: 2}, ram: 64 MiB}
processes: {app: {buffers: {buf: {size: 64 KiB, touched: true}}}}
threads:
  one:
    steps:
      - repeat: {count: 30, every: {poisson: 1 us}, do: [
          read: {address: $buf, length: 64 KiB, count: 3, pattern: random}]}
  two:
    cpu: 1
    steps:
      - repeat: {count: 40, every: {poisson: 500 ns}, do: [
          read: {address: $buf, length: 64 KiB, count: 5, pattern: random}]}
"""


def test_arrivals(bench):
    """Random arrivals and places of a thread do not depend on what others do."""
    bench.write('both.yaml', ARRIVALS)
    bench.write('alone.yaml', ARRIVALS.split('  two')[0])
    runs = []
    for name in ('both', 'alone'):
        bench.expect(0, 'run', '-q', '-o', 'out.json', '--detail', 'access', name + '.yaml')
        events = json.loads(bench.read('out.json'))['events']
        runs.append([(e.get('t'), e['args']['address']) for e in events if e['thread'] == 'one'])
        same(len(runs[-1]), 30 * 4)
    same(*runs)


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
