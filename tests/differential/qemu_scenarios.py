"""Seeded random scenarios that fill page tables: buffers of every protection all over user space,
MDLs locked and mapped, pool, stacks, device memory, two processes, and touches at random.

Every touch is remembered, and the scenario itself asserts what it must have left in the entry.
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
  cpu: {{preset: ice-lake-sp}}
  ram: [{{base: 16 MiB, size: 240 MiB}}]
  devices:
    card: {{bars: [{{base: 0xD0000000, size: 4 MiB}}, {{base: 0xE0000000, size: 1 MiB}}]}}
mm: {{fragmentation: {{kind: shuffled, seed: {seed}}}}}
seed: {seed}
'''


class Scenario:
    """text: the scenario, without asserts about the whole of the page tables."""

    def __init__(self, arch, seed, buffers=240, mdls=60, blocks=24, io=24):
        self.arch, self.random = arch, random.Random(f'{arch} {seed}')
        self.head = HEAD.format(seed=seed, arch=arch)
        self.steps, self.buffers, self.touched, self.asserts = [], [], {}, []
        self.used = set()  # 64 KiB blocks of user space
        self.regions = [self.random.randrange(USER_TOP[arch] >> 21) << 21 for _ in range(24)]
        self.processes = ['processes:', '  app:', '    buffers:']
        for i in range(buffers):
            self.add_buffer(i)
        self.add_other_process()
        for name, pages, may in self.random.sample(self.buffers, len(self.buffers)):
            self.touch_some(f'${name}', pages, may)
        for i in range(mdls):
            self.add_mdl(i)
        for i in range(blocks):
            self.add_block(i)
        for i in range(io):
            self.add_io(i)
        self.assert_touches()

    @property
    def text(self):
        return '\n'.join([self.head.rstrip(), *self.processes, 'steps:', *self.steps,
                          *self.asserts]) + '\n'

    def step(self, line):
        self.steps.append('  - ' + line)

    def place(self, pages):
        """A free address, often near an earlier one."""
        blocks = (pages * 4096 + 0xFFFF) >> 16
        while True:
            at = self.random.choice(self.regions) + (self.random.randrange(64) << 16)
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

    def add_other_process(self):
        """Shares some buffers, also copy-on-write, and has some of its own."""
        self.processes += ['  other:', '    buffers:']
        for i, (name, pages, _) in enumerate(self.random.sample(self.buffers, 12)):
            protect = self.random.choice(['PAGE_READWRITE', 'PAGE_READONLY', 'PAGE_WRITECOPY'])
            self.processes.append(
                f'      o{i}: {{size: {pages * 4} KiB, at: {self.place(pages):#x}, '
                f'shares: {name}, protect: {protect}, touched: true}}')
        self.processes.append('      own: {size: 64 KiB, touched: true}')

    def touch(self, base, page, may, expected=''):
        """One access to a page; remembers read and write."""
        kind = self.random.choice(may)
        offset = page * 4096 + self.random.randrange(512) * 8
        value = f', value: {self.random.getrandbits(63):#x}' if kind == 'w' else ''
        self.step(f'{TOUCHES[kind]}: {{address: {base} + {offset:#x}{value}}}{expected}')
        self.touched.setdefault((base, page), set()).add(kind)

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
        self.step(f'IoAllocateMdl: [${name} + {first * 4} KiB, {count * 4} KiB]\n    as: m{i}')
        self.step(f'MmProbeAndLockPages: [$m{i}, UserMode, '
                  f'{self.random.choice(["IoReadAccess", "IoWriteAccess"])}]')
        if self.random.random() < 0.15:
            self.step(f'MmMapLockedPagesSpecifyCache: [$m{i}, UserMode, MmCached, NULL, false, '
                      f'NormalPagePriority]\n    as: s{i}')
            kernel = 'rw'
        else:
            self.step(f'MmGetSystemAddressForMdlSafe: [$m{i}, {" | ".join(priority)}]\n'
                      f'    as: s{i}')
            if self.random.random() < 0.2:
                protect = self.random.choice(list(PROTECTIONS) + ['PAGE_NOACCESS'])
                self.step(f'MmProtectMdlSystemAddress: [$m{i}, {protect}]')
                kernel = PROTECTIONS.get(protect, '').replace('x', '')
        if kernel:
            self.touch_some(f'$s{i}', count, kernel)
        if self.random.random() < 0.2:
            self.step(f'MmUnmapLockedPages: [$s{i}, $m{i}]')
            self.touched = {k: v for k, v in self.touched.items() if k[0] != f'$s{i}'}

    def add_block(self, i):
        pages = self.random.choice([1, 2, 4, 7])
        flags = self.random.choice(['POOL_FLAG_NON_PAGED', 'POOL_FLAG_NON_PAGED_EXECUTE',
                                    'POOL_FLAG_PAGED'])
        self.step(f"ExAllocatePool2: [{flags}, {pages * 4} KiB, \"'Test'\"]\n    as: p{i}")
        self.touch_some(f'$p{i}', pages, 'rw')

    def add_io(self, i):
        pages = self.random.randint(1, 6)
        at = self.random.randrange(200) * 4096
        cache = self.random.choice(['MmNonCached', 'MmCached', 'MmWriteCombined'])
        if cache != 'MmNonCached':
            at = (i * 8) * 4096  # one cache type for one frame
        bar = 1 if cache == 'MmNonCached' else 0
        self.step(f'MmMapIoSpace: ["bar($card, {bar}) + {at:#x}", {pages * 4} KiB, {cache}]\n'
                  f'    as: i{i}')
        self.touch_some(f'$i{i}', pages, 'rw')

    def assert_touches(self):
        """A write leaves D, and any touch A."""
        for (base, page), kinds in self.touched.items():
            entry = f'pte({base} + {page * 4096:#x})'
            dirty = f' and {entry}.dirty' if 'w' in kinds else ''
            self.asserts.append(f'  - assert: {entry}.present and {entry}.accessed{dirty}')
