"""A QEMU guest that runs with the page tables of a memory dump, and its answers.

The guest is a processor of QEMU's own translator (TCG) that some boot code puts into the paging
mode of the dump. The frames come into its memory as they are in the ELF file, through
QEMU's loader device. The code adds one entry to a table, a window onto itself, so that the
processor has a next instruction once CR3 is loaded. It then reads and writes where it is told to,
and halts.
"""
import json
import re
import shutil
import struct
import subprocess
import time

import core_file
from page_walk import ADDRESS, PRESENT, WRITE, ACCESSED, DIRTY, LARGE, Paging

QEMU = 'qemu-system-x86_64'
BOOT_AT, TABLES_AT = 0x100000, 0x101000  # the frames of a dump start above 2 MiB
RAM_MOST = 0xC0000000  # above it QEMU's PC has devices
LMA = 1 << 10
START_SECONDS = 60
TABLE = PRESENT | WRITE | ACCESSED


def find_qemu():
    return shutil.which(QEMU)


def version():
    done = subprocess.run([QEMU, '--version'], capture_output=True, text=True, check=True)
    return re.search(r'version (\S+)', done.stdout).group(1)


class Window:
    """A free entry of a table of the dump, for the window. Where the root is that of PAE, whose
    entries are all in use, it is one of a page directory. No mapping ends where it begins."""

    def __init__(self, core, paging, root):
        frames = core.frames()
        self.paging = paging
        self.table, self.shift, count = root, paging.levels[0][1], 256
        if paging.pae:
            self.table = struct.unpack_from('<Q', frames[root])[0] & ADDRESS
            self.shift, count = paging.levels[1][1], 512
        entries = struct.unpack('<512Q', frames[self.table])
        free = [i for i in range(1, count - 1) if not any(entries[max(i - 1, 1):i + 2])]
        assert free, 'the tables have no room for the window'
        self.index = free[-1] if paging.pae else free[0]
        self.start = self.index << self.shift
        self.end = self.start + (1 << self.shift)

    def tables(self):
        """Tables at TABLES_AT: the boot code's own root, which maps the first 2 MiB at address 0
        and at the window, then the tables below it; and the window's entry, which is the same in
        the dump's table."""
        below = len(self.paging.levels) - 1  # tables below the root; the last holds the 2 MiB page
        images = [bytearray(4096) for _ in range(below)]
        page = TABLE | DIRTY | LARGE
        struct.pack_into('<Q', images[-1], 0, page)
        for level in range(0, below - 1):
            bits = PRESENT if self.paging.pae and level == 0 else TABLE
            entry = TABLES_AT + 4096 * (level + 1) | bits
            struct.pack_into('<Q', images[level], 0, entry)
            if level == 0 and not self.paging.pae:
                struct.pack_into('<Q', images[0], 8 * self.index, entry)
        if self.paging.pae:
            struct.pack_into('<Q', images[-1], 8 * self.index, page)
        return page if self.paging.pae else TABLES_AT + 4096 | TABLE, b''.join(images)


def le32(*numbers):
    return struct.pack(f'<{len(numbers)}I', *numbers)


def touch_code(long_mode, touches_at):
    """Goes through 8-byte addresses up to a 0. Where bit 0 is set it writes, leaving the contents,
    else it reads."""
    if long_mode:
        code = b'\x48\xBE' + struct.pack('<Q', touches_at)   # mov rsi, touches_at
        # mov rdi, [rsi]; add rsi, 8; test rdi, rdi
        step = b'\x48\x8B\x3E\x48\x83\xC6\x08\x48\x85\xFF'
    else:
        code = b'\xBE' + le32(touches_at)
        step = b'\x8B\x3E\x83\xC6\x08\x85\xFF'
    step += b'\x74\x12'                                     # jz done
    step += b'\xF7\xC7' + le32(1) + b'\x75\x04'             # test edi, 1; jnz write
    step += b'\x8B\x07'                                     # mov eax, [rdi]
    step += b'\xEB' + bytes([256 - len(step) - 2])           # jmp step
    step += b'\x83\x4F\xFF\x00'                             # write: or dword [rdi - 1], 0
    step += b'\xEB' + bytes([256 - len(step) - 2])           # jmp step
    return code + step + b'\xF4\xEB\xFD'                    # done: hlt; jmp done


def boot_code(core, cpu, root, window, window_entry, touches_at):
    """Machine code behind a multiboot header; entered in 32-bit protected mode."""
    cr0, _, _, _, cr4 = core.cpus[cpu]['cr']
    long_mode = core.machine == core_file.MACHINE_X86_64
    slot_at = window.table + 8 * window.index
    header = le32(0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000) & 0xFFFFFFFF, BOOT_AT, BOOT_AT,
                  0, 0, BOOT_AT + 64)
    descriptors_at = BOOT_AT + 32
    descriptors = struct.pack('<HIH', 15, descriptors_at + 8, 0) + le32(0, 0)
    descriptors += le32(0, 0x00209B00)  # selector 8: 64-bit code
    code = b'\xFA'                                                     # cli
    code += b'\xB8' + le32(cr4) + b'\x0F\x22\xE0'                      # mov cr4, CR4
    code += b'\xB9' + le32(0xC0000080)                                 # mov ecx, IA32_EFER
    code += b'\xB8' + le32(core.efer[cpu] & ~LMA) + b'\x31\xD2\x0F\x30'  # wrmsr; LMA follows
    code += b'\xC7\x05' + le32(slot_at, window_entry)                  # table[slot] = window
    code += b'\xC7\x05' + le32(slot_at + 4, 0)
    code += b'\xB8' + le32(TABLES_AT) + b'\x0F\x22\xD8'                # mov cr3, own tables
    if long_mode:
        code += b'\x0F\x01\x15' + le32(descriptors_at)                 # lgdt
    code += b'\xB8' + le32(cr0) + b'\x0F\x22\xC0'                      # mov cr0, CR0: paging
    if long_mode:
        here = BOOT_AT + 64 + len(code) + 7
        code += b'\xEA' + le32(here) + b'\x08\x00'                     # jmp 8:here
        there = window.start + here + 12
        code += b'\x48\xB8' + struct.pack('<Q', there) + b'\xFF\xE0'   # mov rax, there; jmp rax
        code += b'\x48\xB8' + struct.pack('<Q', root)                  # mov rax, root
    else:
        there = window.start + BOOT_AT + 64 + len(code) + 7
        code += b'\xB8' + le32(there) + b'\xFF\xE0'                    # mov eax, there; jmp eax
        code += b'\xB8' + le32(root)                                   # mov eax, root
    code += b'\x0F\x22\xD8'                                            # mov cr3, (r|e)ax
    code += touch_code(long_mode, window.start + touches_at)
    image = (header + descriptors).ljust(64, b'\0') + code
    assert len(image) <= 4096
    return image.ljust(4096, b'\0')


class Guest:
    """One running guest, which gets the control registers of a processor of the dump, CR3 from
    `root` if given. touches: (address, whether it writes), of 4 bytes at multiples of 8."""

    def __init__(self, folder, core_path, core, cpu=0, root=None, touches=()):
        self.core = core
        self.root = root = root or core.cpus[cpu]['cr'][3]
        self.paging = Paging.of(core, cpu)
        assert core.loads[0][0] >= 0x200000 and root < RAM_MOST, 'the boot code needs its place'
        self.window = Window(core, self.paging, root)
        entry, tables = self.window.tables()
        at = TABLES_AT + len(tables)
        touches = struct.pack(f'<{len(touches) + 1}Q', *[a | w for a, w in touches], 0)
        code = boot_code(core, cpu, root, self.window, entry, at)
        image = bytearray(code + tables + touches)
        struct.pack_into('<II', image, 20, BOOT_AT + len(image), BOOT_AT + len(image))
        kernel = folder / 'boot.bin'
        kernel.write_bytes(image)
        self.ram_end = max(at + length for at, _, length in core.loads if at < RAM_MOST)
        self.process = subprocess.Popen(
            [QEMU, '-accel', 'tcg', '-cpu', 'max', '-m', f'{(self.ram_end >> 20) + 64}M',
             '-display', 'none', '-nodefaults', '-no-reboot', '-no-user-config',
             '-qmp', 'stdio', '-kernel', str(kernel), '-device', f'loader,file={core_path}'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        self.receive()  # the greeting
        self.command('qmp_capabilities')
        self.wait_until_halted()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def receive(self):
        line = self.process.stdout.readline()
        assert line, 'QEMU ended: ' + self.process.stderr.read()
        return json.loads(line)

    def command(self, name, **arguments):
        message = {'execute': name, 'arguments': arguments}
        self.process.stdin.write(json.dumps(message) + '\n')
        self.process.stdin.flush()
        while True:
            answer = self.receive()
            if 'event' not in answer:
                assert 'return' in answer, answer
                return answer['return']

    def monitor(self, line):
        """What QEMU's monitor says to a line."""
        return self.command('human-monitor-command', **{'command-line': line}).replace('\r', '')

    def registers(self):
        text = self.monitor('info registers')
        return {name: int(value, 16) for name, value in
                re.findall(r'\b(CR0|CR3|CR4|EFER|HLT)=([0-9a-f]+)', text)}

    def wait_until_halted(self):
        """The processor halts when it has CR3, and nothing wakes it."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = self.registers()
            if found['HLT'] == 1 and found['CR3'] == self.root:
                return
            assert time.monotonic() < deadline, self.monitor('info registers')
            time.sleep(0.02)

    def outside_window(self, address):
        return not self.window.start <= address < self.window.end

    def info_tlb(self):
        """[(virtual address, physical address, flags)] of all leaves, the window's left out."""
        rows = re.findall(r'^([0-9a-f]+): ([0-9a-f]+) (\S+)$', self.monitor('info tlb'), re.M)
        rows = [(int(v, 16), int(p, 16), flags) for v, p, flags in rows]
        return [row for row in rows if self.outside_window(row[0])]

    def info_mem(self):
        """[(start, end, flags)] of ranges of equal permissions."""
        rows = re.findall(r'^([0-9a-f]+)-([0-9a-f]+) [0-9a-f]+ (\S+)$', self.monitor('info mem'),
                          re.M)
        rows = [(int(s, 16), int(e, 16), flags) for s, e, flags in rows]
        return [row for row in rows if self.outside_window(row[0])]

    def gva2gpa(self, address):
        """Physical address, or None."""
        text = self.monitor(f'gva2gpa {address:#x}').strip()
        return None if text == 'Unmapped' else int(text.split(':')[1], 16)

    def own_notes(self, path):
        """The notes of a dump that QEMU itself writes of this guest (of one frame, the root)."""
        self.command('dump-guest-memory', paging=False, protocol=f'file:{path}', begin=self.root,
                     length=4096)
        data = path.read_bytes()
        at, = struct.unpack_from('<Q', data, 32)
        kind, _, offset, _, _, length = struct.unpack_from('<IIQQQQ', data, at)
        assert kind == core_file.NOTE
        return core_file.parse_notes(data[offset:offset + length])

    def words(self, physical, count):
        """8-byte words of physical memory."""
        text = self.monitor(f'xp /{count}gx {physical:#x}')
        return [int(word, 16) for word in re.findall(r'\b0x([0-9a-f]{16})\b', text)]

    def virtual_words(self, address, count):
        """The same through the page tables."""
        text = self.monitor(f'x /{count}gx {address:#x}')
        return [int(word, 16) for word in re.findall(r'\b0x([0-9a-f]{16})\b', text)]
