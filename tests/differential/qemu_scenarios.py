"""Seeded random scenarios that fill page tables: buffers of every protection all over user space,
MDLs locked and mapped, pool, stacks, device memory, two processes, and touches at random.

A thread of each process runs on a processor of its own. Every touch is remembered, and the scenario
itself asserts what it must have left in the entry.
"""
import random

USER_TOP = {'x64': 0x7FFF_0000_0000, 'x64-la57': 0xFF_0000_0000_0000, 'x86-pae': 0x3000_0000}
PROTECTIONS = {  # what a page of that protection takes: r, w, x
    'PAGE_READWRITE': 'rw', 'PAGE_READONLY': 'r', 'PAGE_EXECUTE_READ': 'rx',
    'PAGE_EXECUTE_READWRITE': 'rwx'}
TOUCHES = {'r': 'read', 'w': 'write', 'x': 'execute'}
HEAD = '''mdlsim: 1
name: Random mappings, seed {seed}
machine:
  os: windows-10
  arch: {arch}
  cpu: {{preset: ice-lake-sp, count: 2, kpti: {kpti}}}
  ram: {ram}
  devices:
    card: {{bars: [{{base: 0xD0000000, size: 4 MiB}}, {{base: 0xE0000000, size: 1 MiB}}]}}
    screen: {{bars: [{{base: 0xD8000000, size: 16 MiB}}]}}
mm: {{fragmentation: {fragmentation}, large_pages: {large_pages}}}
seed: {seed}
'''
# Low memory is the guest's too; high memory takes the pages of 1 GiB.
LOW, HIGH = '{base: 16 MiB, size: 240 MiB}', '{base: 4 GiB, size: 10 GiB}'


class Scenario:
    """Odd seeds have large pages, even ones KVA shadow and frames in random order."""

    def __init__(self, arch, seed, buffers=240, mdls=60, blocks=24, io=24):
        self.arch, self.random = arch, random.Random(f'{arch} {seed}')
        large = self.large = seed % 2 == 1
        ram = f'[{LOW}, {HIGH}]' if large and arch != 'x86-pae' else f'[{LOW}]'
        fragmentation = 'none' if large else f'{{kind: shuffled, seed: {seed}}}'
        self.head = HEAD.format(seed=seed, arch=arch, ram=ram,
                                fragmentation=fragmentation, kpti='false' if large else 'true',
                                large_pages='true' if large else 'false')
        self.buffers, self.touched = [], {}
        self.steps = {'app': [], 'other': []}
        self.running = 'app'  # the process whose thread gets the next step
        self.used = set()  # 64 KiB blocks of user space
        self.regions = [self.random.randrange(USER_TOP[arch] >> 21) << 21 for _ in range(24)]
        self.processes = ['processes:', '  app:', '    buffers:']
        for i in range(buffers):
            self.add_buffer(i)
        for i in range(14 if large else 0):
            self.add_large_buffer(f'l{i}', 21, self.random.randint(1, 3))
        for i in range(6 if large and arch != 'x86-pae' else 0):
            self.add_large_buffer(f'h{i}', 30, 1)
        self.add_other_process()
        for name, pages, may in self.random.sample(self.buffers, len(self.buffers)):
            self.touch_some(f'${name}', pages, may)
        for i in range(mdls):
            self.add_mdl(i)
        for i in range(blocks):
            self.add_block(i)
        for i in range(io):
            self.add_io(i)
        for i in range(3 if large else 0):
            self.add_screen(i)

    def text(self, more=None):
        """The scenario; `more` are steps by process, at the ends of the threads."""
        lines = [self.head.rstrip(), *self.processes, 'threads:']
        for number, (process, steps) in enumerate(self.steps.items()):
            lines += [f'  t{number}:', f'    process: {process}', f'    cpu: {number}',
                      '    steps:', *steps, *self.touch_asserts(process)]
            lines += (more or {}).get(process, [])
        return '\n'.join(lines) + '\n'

    def step(self, line):
        self.steps[self.running].append('    - ' + line)

    def place(self, pages, shift=16):
        """A free address, often near an earlier one."""
        blocks = (pages * 4096 + 0xFFFF) >> 16
        while True:
            at = self.random.choice(self.regions) + (self.random.randrange(64) << 16)
            if shift > 16:
                at = self.random.randrange(USER_TOP[self.arch] >> shift) << shift
            wanted = set(range(at >> 16, (at >> 16) + blocks))
            if at >= 0x10000 and not wanted & self.used and at < USER_TOP[self.arch]:
                self.used |= wanted
                return at

    def add_buffer(self, i):
        pages = self.random.choice([1, 1, 2, 3, 5, 8, 13])
        protect = self.random.choice(list(PROTECTIONS))
        touched = self.random.random() < 0.2
        self.processes.append(
            f'      b{i}: {{size: {pages * 4} KiB, at: {self.place(pages):#x}, '
            f'protect: {protect}{", touched: true" if touched else ""}}}')
        self.buffers.append((f'b{i}', pages, PROTECTIONS[protect]))

    def add_large_buffer(self, name, shift, count):
        """Memory in large pages; MDLs and touches take the first 4 KiB of some of them."""
        protect = self.random.choice(list(PROTECTIONS))
        at = self.place(count << (shift - 12), shift)
        size, unit = (2, 'MiB') if shift == 21 else (1, 'GiB')
        self.processes.append(f'      {name}: {{size: {count * size} {unit}, at: {at:#x}, '
                              f'protect: {protect}, pages: {size} {unit}}}')
        may = PROTECTIONS[protect]
        if shift == 21:
            self.buffers.append((name, 16, may))
        for page in range(count):
            offset = (page << shift) + self.random.randrange(1 << (shift - 3)) * 8
            for kind in self.random.choice(['', may, self.random.choice(may)]):
                self.step(f'{TOUCHES[kind]}: {{address: ${name} + {offset:#x}}}')
                self.touched.setdefault(('app', f'${name}', page << (shift - 12)), set()).add(kind)

    def add_other_process(self):
        """Shares some buffers, also copy-on-write, and has some of its own."""
        self.processes += ['  other:', '    buffers:']
        self.running = 'other'
        small = [b for b in self.buffers if b[0].startswith('b')]
        for i, (name, pages, _) in enumerate(self.random.sample(small, 12)):
            protect = self.random.choice(['PAGE_READWRITE', 'PAGE_READONLY', 'PAGE_WRITECOPY'])
            self.processes.append(
                f'      o{i}: {{size: {pages * 4} KiB, at: {self.place(pages):#x}, '
                f'shares: {name}, protect: {protect}, touched: true}}')
            self.touch_some(f'$o{i}', pages, 'r' if protect == 'PAGE_READONLY' else 'rw')
        self.processes.append('      own: {size: 64 KiB, touched: true}')
        self.touch_some('$own', 16, 'rw')
        self.running = 'app'

    def touch(self, base, page, may):
        """One access to a page; remembers read and write."""
        kind = self.random.choice(may)
        offset = page * 4096 + self.random.randrange(512) * 8
        value = f', value: {self.random.getrandbits(63):#x}' if kind == 'w' else ''
        self.step(f'{TOUCHES[kind]}: {{address: {base} + {offset:#x}{value}}}')
        self.touched.setdefault((self.running, base, page), set()).add(kind)

    def touch_some(self, base, pages, may):
        for page in range(pages):
            for _ in range(self.random.choice([0, 1, 1, 1, 2])):
                self.touch(base, page, may)

    def add_mdl(self, i):
        name, pages, may = self.random.choice([b for b in self.buffers if 'w' in b[2]])
        first = self.random.randrange(pages)
        count = self.random.randint(1, pages - first)
        priority = ['NormalPagePriority']
        kernel = 'rw'
        if self.random.random() < 0.7:
            priority.append('MdlMappingNoExecute')
        if self.random.random() < 0.4:
            priority.append('MdlMappingNoWrite')
            kernel = 'r'
        self.step(f'IoAllocateMdl: [${name} + {first * 4} KiB, {count * 4} KiB]\n      as: m{i}')
        self.step(f'MmProbeAndLockPages: [$m{i}, UserMode, '
                  f'{self.random.choice(["IoReadAccess", "IoWriteAccess"])}]')
        if self.random.random() < 0.15:
            self.step(f'MmMapLockedPagesSpecifyCache: [$m{i}, UserMode, MmCached, NULL, false, '
                      f'NormalPagePriority]\n      as: s{i}')
            kernel = 'rw'
        else:
            self.step(f'MmGetSystemAddressForMdlSafe: [$m{i}, {" | ".join(priority)}]\n'
                      f'      as: s{i}')
            if self.random.random() < 0.2:
                protect = self.random.choice(list(PROTECTIONS) + ['PAGE_NOACCESS'])
                self.step(f'MmProtectMdlSystemAddress: [$m{i}, {protect}]')
                kernel = PROTECTIONS.get(protect, '').replace('x', '')
        if kernel:
            self.touch_some(f'$s{i}', count, kernel)
        if self.random.random() < 0.2:
            self.step(f'MmUnmapLockedPages: [$s{i}, $m{i}]')
            self.touched = {k: v for k, v in self.touched.items() if k[1] != f'$s{i}'}

    def add_block(self, i):
        pages = self.random.choice([1, 2, 4, 7])
        flags = self.random.choice(['POOL_FLAG_NON_PAGED', 'POOL_FLAG_NON_PAGED_EXECUTE',
                                    'POOL_FLAG_PAGED'])
        self.step(f"ExAllocatePool2: [{flags}, {pages * 4} KiB, \"'Test'\"]\n      as: p{i}")
        self.touch_some(f'$p{i}', pages, 'rw')

    def add_io(self, i):
        pages = self.random.randint(1, 6)
        at = self.random.randrange(200) * 4096
        cache = self.random.choice(['MmNonCached', 'MmCached', 'MmWriteCombined'])
        if cache != 'MmNonCached':
            at = (i * 8) * 4096  # one cache type for one frame
        bar = 1 if cache == 'MmNonCached' else 0
        self.step(f'MmMapIoSpace: ["bar($card, {bar}) + {at:#x}", {pages * 4} KiB, {cache}]\n'
                  f'      as: i{i}')
        self.touch_some(f'$i{i}', pages, 'rw')

    def add_screen(self, i):
        """4 MiB of device memory, in large pages of the system where the machine maps so."""
        self.step(f'MmMapIoSpace: ["bar($screen, 0) + {i * 4} MiB", 4 MiB, '
                  f'{self.random.choice(["MmNonCached", "MmWriteCombined"])}]\n      as: c{i}')
        for offset in (0, 2 << 20):
            if self.random.random() < 0.7:
                kind = self.random.choice(['read', 'write'])
                self.step(f'{kind}: {{address: $c{i} + {offset + 8:#x}}}')
                self.touched.setdefault(('app', f'$c{i}', offset >> 12), set()).add(kind[0])

    def touch_asserts(self, process):
        """A write leaves D, and any touch A."""
        lines = []
        for (toucher, base, page), kinds in self.touched.items():
            entry = f'pte({base} + {page * 4096:#x})'
            dirty = f' and {entry}.dirty' if 'w' in kinds else ''
            if toucher == process:
                lines.append(f'    - assert: {entry}.present and {entry}.accessed{dirty}')
        return lines
