"""The scheduler beside an obvious model: a list of processors, sorted anew for each step; TAP.

usage: scheduler.py MDLSIM SOURCE_ROOT

Random programs of several threads run in mdlsim. The model is told what each step of each thread
cost, and must say which step runs when, on which processor, in which order. Threads queue kernel
APCs to each other, of both kinds, which interrupt waits and delays and nest. Far behind the end a
last thread signals everybody; without it, a program whose threads wait for that must be an error.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

PROGRAMS = 100
PROCESSES = ('p0', 'p1', 'System')
FAR = 1000000
SWITCH, CR3 = 1, 1  # prices of the preset `unit`
WAITS_ERROR = 'nobody can end this wait'


class Thread:
    """A thread of the model: its steps, and where it stands."""

    def __init__(self, number, cpu, process, steps):
        self.number, self.cpu, self.process, self.steps = number, cpu, process, steps
        self.name = f't{number}'
        self.next, self.ready, self.waits, self.raised = 0, 0, None, False
        self.queues = {'special': [], 'normal': []}  # APCs: numbers of accesses
        self.frames = []  # APCs under way: (kind, steps that are left, back to)
        self.back_to = None  # ('wait', event) or ('delay', end) that an APC took it from

    def is_done(self):
        return self.next > len(self.steps)  # its end is a step too

    def apc_due(self):
        """The kind of the APC that may run now."""
        running = [kind for kind, _, _ in self.frames]
        if self.raised or 'special' in running:
            return None
        if self.queues['special']:
            return 'special'
        return 'normal' if self.queues['normal'] and not running else None


def draw_steps(rng, events, threads):
    """Steps that write one event each: (kind, argument)."""
    steps, raised = [], False
    for _ in range(rng.randrange(1, 13)):
        kind = rng.choice(['work', 'work', 'work', 'delay', 'signal', 'wait', 'irql', 'apc'])
        if kind == 'irql' or (kind == 'wait' and raised):
            steps.append(('lower' if raised else 'raise', None))
            raised = not raised
        elif kind == 'signal':
            steps.append((kind, (rng.randrange(events), rng.randrange(1, 4))))
        elif kind == 'apc':
            steps.append((kind, (rng.randrange(threads), rng.choice(['special', 'normal']),
                                 rng.randrange(1, 40))))
        elif kind == 'wait':
            steps.append((kind, rng.randrange(events)))
        elif kind == 'delay':
            steps.append((kind, rng.choice([0, 1, 7, rng.randrange(100)])))
        else:
            steps.append((kind, rng.randrange(1, 40)))
    if raised:
        steps.append(('lower', None))
    return steps


def yaml_of(step, process):
    kind, argument = step
    page = 'stack' if PROCESSES[process] == 'System' else '$page'
    if kind == 'signal':
        return 'signal: {event: e%d, count: %d}' % argument
    if kind == 'apc':
        return 'queue_apc: {thread: t%d, kind: %s, procedure: work, with: {n: %d}}' % argument
    return {'work': f'read: {{address: {page}, length: 8, count: {argument}}}',
            'delay': f'delay: {argument} cycles', 'wait': f'wait: e{argument}',
            'raise': 'raise_irql: DISPATCH_LEVEL', 'lower': 'lower_irql: PASSIVE_LEVEL'}[kind]


def draw_program(rng):
    """(number of processors, threads, the scenario); the last thread helps those that wait."""
    cpus, events = rng.randrange(1, 6), rng.randrange(1, 4)
    count = rng.randrange(1, 13)
    threads = [Thread(number, rng.randrange(cpus), rng.randrange(len(PROCESSES)),
                      draw_steps(rng, events, count)) for number in range(count)]
    helps = [('delay', FAR)] + [('signal', (event, 1000)) for event in range(events)]
    threads.append(Thread(len(threads), cpus, 0, helps))
    cpus += 1
    text = ['mdlsim: 1', 'name: A random program',
            f'machine: {{os: windows-10, cpu: {{preset: unit, count: {cpus}}}, ram: 64 MiB}}',
            'processes:',
            '  p0: {buffers: {page: {size: 4 KiB, at: 0x100000, touched: true}}}',
            '  p1: {buffers: {other: {size: 4 KiB, at: 0x100000, touched: true}}}',
            'procedures:',
            '  work:',
            '    parameters: [n]',
            '    steps:',
            '      - read: {address: stack, length: 8, count: $n}',
            '      - delay: $n * 3 * 1 cycles',
            '      - read: {address: stack, length: 8}',
            'threads:']
    for thread in threads:
        text += [f'  {thread.name}:', f'    cpu: {thread.cpu}',
                 f'    process: {PROCESSES[thread.process]}',
                 '    steps:']
        text += ['      - ' + yaml_of(step, thread.process) for step in thread.steps]
    return cpus, threads, '\n'.join(text) + '\n'


class Model:
    """Runs a program, given the cycles of each thread's steps."""

    def __init__(self, cpus, threads, cycles):
        self.threads = threads
        self.cycles = {name: iter(list_of) for name, list_of in cycles.items()}
        self.clock, self.last = [0] * cpus, [None] * cpus
        self.running = [None] * cpus
        self.signals, self.waiting = {}, {}
        self.events = []
        for thread in threads:
            if self.last[thread.cpu] is None:
                self.last[thread.cpu] = self.running[thread.cpu] = thread

    def candidates(self, cpu):
        """Threads that the processor could go on with, as (ready, number, thread)."""
        if self.running[cpu] is not None:
            return [(self.running[cpu].ready, 0, self.running[cpu])]
        return sorted((t.ready, t.number, t) for t in self.threads
                      if t.cpu == cpu and t.waits is None and not t.is_done())

    def turn(self):
        """One step or switch of the processor with the smallest time; False: there is none."""
        due = []
        for cpu in range(len(self.clock)):
            threads = self.candidates(cpu)
            if threads:
                due.append((max(self.clock[cpu], threads[0][0]), cpu, threads[0][2]))
        if not due:
            return False
        now, cpu, thread = sorted(due, key=lambda d: d[:2])[0]
        self.clock[cpu] = now
        self.running[cpu] = thread
        if self.last[cpu] is not thread:
            cost = SWITCH + (CR3 if self.last[cpu].process != thread.process else 0)
            self.events.append((now, cpu, thread.name, 'switch', cost))
            self.clock[cpu] += cost
            self.last[cpu] = thread
        elif self.go_back(cpu, thread):
            self.go_on(cpu, thread)
        return True

    def go_back(self, cpu, thread):
        """To what an APC took the thread from, unless another one is due; False: it waits again."""
        if thread.apc_due() or not thread.back_to:
            return True
        (kind, value), thread.back_to = thread.back_to, None
        if kind == 'delay':
            thread.ready = max(thread.ready, value)
            blocks = value > self.clock[cpu]
        else:
            blocks = self.signals.get(value, 0) == 0
            self.wait(cpu, thread, value)
        if blocks:
            self.running[cpu] = None
        return not blocks

    def go_on(self, cpu, thread):
        kind = thread.apc_due()
        if kind:
            accesses = thread.queues[kind].pop(0)
            steps = [('work', 1), ('delay', accesses * 3), ('work', accesses)]  # the last first
            thread.frames.append((kind, steps, thread.back_to))
            thread.back_to = None
            self.event(cpu, thread, 'apc')
        elif thread.frames and thread.frames[-1][1]:
            self.step(cpu, thread, thread.frames[-1][1].pop())
        elif thread.frames:
            thread.back_to = thread.frames.pop()[2]
            self.go_back(cpu, thread)
        elif thread.next == len(thread.steps):
            thread.next += 1
            self.running[cpu] = None
        else:
            thread.next += 1
            self.step(cpu, thread, thread.steps[thread.next - 1])

    def event(self, cpu, thread, kind):
        cost = next(self.cycles[thread.name])
        self.events.append((self.clock[cpu], cpu, thread.name, kind, cost))
        self.clock[cpu] += cost

    def step(self, cpu, thread, step):
        kind, argument = step
        self.event(cpu, thread, 'queue_apc' if kind == 'apc' else kind)
        now = self.clock[cpu]
        if kind == 'apc':
            self.queue_apc(argument, now)
        elif kind == 'raise':
            thread.raised = True
        elif kind == 'lower':
            thread.raised = False
        elif kind == 'delay':
            thread.ready = now + argument
            if not thread.raised:
                self.running[cpu] = None
        elif kind == 'signal':
            self.signal(argument[0], argument[1], now)
        elif kind == 'wait':
            self.wait(cpu, thread, argument)

    def wait(self, cpu, thread, event):
        if self.signals.get(event, 0) > 0:
            self.signals[event] -= 1
            return
        thread.waits = event
        self.waiting.setdefault(event, []).append(thread)
        self.running[cpu] = None

    def queue_apc(self, argument, now):
        number, kind, accesses = argument
        thread = self.threads[number]
        if thread.is_done():
            return
        thread.queues[kind].append(accesses)
        if self.running[thread.cpu] is thread or not thread.apc_due():
            return
        if thread.waits is not None:
            self.waiting[thread.waits].remove(thread)
            thread.back_to, thread.waits = ('wait', thread.waits), None
        elif thread.ready > now and not thread.back_to:
            thread.back_to = ('delay', thread.ready)
        else:
            return
        thread.ready = now

    def signal(self, event, count, now):
        for _ in range(count):
            if self.waiting.get(event):
                thread = self.waiting[event].pop(0)
                thread.waits, thread.ready = None, now
            else:
                self.signals[event] = self.signals.get(event, 0) + 1


KINDS = {'read': 'work', 'KeRaiseIrql': 'raise', 'KeLowerIrql': 'lower'}


def run(mdlsim, folder, text):
    """(exit status, standard error, trace or None)"""
    path, out = os.path.join(folder, 's.yaml'), os.path.join(folder, 'out.json')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    done = subprocess.run([mdlsim, 'run', '-q', '-o', out, path], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        return done.returncode, done.stderr, None
    with open(out, encoding='utf-8') as file:
        return 0, '', json.load(file)


def compare(mdlsim, folder, seed):
    """Returns whether threads wait for the last one's help."""
    cpus, threads, text = draw_program(random.Random(seed))
    status, message, trace = run(mdlsim, folder, text)
    assert status == 0, message + text
    events = [(e['t'], e['cpu'], e['thread'], KINDS.get(e['call'], e['call']), e['cycles'])
              for e in trace['events']]
    model = Model(cpus, threads, {t.name: [e[4] for e in events if e[2] == t.name and
                                           e[3] != 'switch'] for t in threads})
    helped = False
    while model.turn():
        helped = helped or (model.clock[-1] < FAR and all(t.waits is not None or t.is_done()
                                                          for t in threads[:-1]) and
                            any(t.waits is not None for t in threads[:-1]))
    for i, (real, own) in enumerate(zip(events, model.events)):
        assert real == own, f'event {i}: {real}, in the model {own}\n{text}'
    assert len(events) == len(model.events), text
    assert trace['end']['t'] == max(model.clock), f'{model.clock}\n{text}'
    alone, message, _ = run(mdlsim, folder, text.split(f'  {threads[-1].name}:')[0])
    assert alone == (65 if helped else 0), f'without the last thread {alone}\n{message}{text}'
    assert not helped or WAITS_ERROR in message, message + text
    return helped


def main():
    mdlsim = os.path.abspath(sys.argv[1])
    helped = 0
    print('1..2')
    with tempfile.TemporaryDirectory() as folder:
        try:
            for seed in range(PROGRAMS):
                helped += compare(mdlsim, folder, seed)
        except AssertionError as error:
            print(f'not ok 1 - the same steps at the same times\n# seed {seed}')
            for line in str(error).splitlines():
                print('# ' + line)
            print('not ok 2 - not looked at')
            return 1
    print('ok 1 - the same steps at the same times')
    fine = PROGRAMS // 5 < helped < PROGRAMS * 4 // 5
    print(f'{"ok" if fine else "not ok"} 2 - in {helped} of {PROGRAMS} programs threads wait for '
          'nobody')
    return 0 if fine else 1


if __name__ == '__main__':
    sys.exit(main())
