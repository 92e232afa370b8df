"""Reads what `mdlsim run --dump-memory` wrote (docs/DUMP.md), with nothing but struct.

Everything is checked on the way: sizes, order, alignment, padding. A file that is not as the page
says raises AssertionError.
"""
import struct

PAGE = 4096
CORE, LOAD, NOTE = 4, 1, 4
MACHINE_386, MACHINE_X86_64 = 3, 62
PRSTATUS, QEMU_STATE = 1, 0
ADDRESS_SPACE, PROCESSOR = 0x4D444C01, 0x4D444C02
PRSTATUS_BYTES = {MACHINE_X86_64: 336, MACHINE_386: 144}
STATE_BYTES = 440
SEGMENT_NAMES = ('cs', 'ds', 'es', 'fs', 'gs', 'ss', 'ldt', 'tr', 'gdt', 'idt')


def parse_notes(data):
    """(name, type, content) of each note of a PT_NOTE segment."""
    notes, at = [], 0
    while at < len(data):
        name_bytes, bytes_, kind = struct.unpack_from('<III', data, at)
        name = data[at + 12:at + 12 + name_bytes]
        assert name.endswith(b'\0') and b'\0' not in name[:-1], name
        at += 12 + (name_bytes + 3) // 4 * 4
        content = data[at:at + bytes_]
        assert len(content) == bytes_, 'a note is cut off'
        notes.append((name[:-1].decode(), kind, content))
        at += (bytes_ + 3) // 4 * 4
    assert at == len(data), 'padding after the last note'
    return notes


def parse_state(content):
    """struct QEMUCPUState as a dictionary."""
    version, size = struct.unpack_from('<II', content, 0)
    assert (version, size) == (1, len(content)), (version, size, len(content))
    rip, flags = struct.unpack_from('<QQ', content, 8 + 16 * 8)
    segments = {}
    for i, name in enumerate(SEGMENT_NAMES):
        selector, limit, bits, padding, base = struct.unpack_from('<IIIIQ', content, 152 + 24 * i)
        assert padding == 0
        segments[name] = (selector, limit, bits, base)
    cr = struct.unpack_from('<5Q', content, 392)
    return {'rip': rip, 'rflags': flags, 'segments': segments, 'cr': cr}


class CoreFile:
    """machine, loads [(physical address, file offset, bytes)], notes, cpus, efer, spaces."""

    def __init__(self, data):
        self.data = data
        (ident, kind, self.machine, version, entry, headers_at, sections_at, flags, own, each,
         count, section_bytes, sections, names) = struct.unpack_from('<16sHHIQQQIHHHHHH', data, 0)
        assert ident == b'\x7fELF\x02\x01\x01' + bytes(9), ident
        assert (kind, version, entry, flags, own, each, names) == (CORE, 1, 0, 0, 64, 56, 0)
        if count == 0xFFFF:
            assert (sections_at, sections, section_bytes) == (64, 1, 64)
            count = struct.unpack_from('<I', data, 64 + 44)[0]
            assert count >= 0xFFFF
        else:
            assert (sections_at, sections, section_bytes) == (0, 0, 0)
        self.loads, self.notes = [], None
        for i in range(count):
            self.add_segment(struct.unpack_from('<IIQQQQQQ', data, headers_at + 56 * i))
        assert self.notes is not None and self.next_at in (None, len(data))
        self.read_notes()

    next_at = None

    def add_segment(self, header):
        kind, _, at, virtual, physical, in_file, in_memory, align = header
        assert in_file == in_memory
        assert at + in_file <= len(self.data), 'a segment is cut off'
        if kind == NOTE:
            assert self.notes is None and not self.loads, 'the notes come first'
            self.notes = parse_notes(self.data[at:at + in_file])
            self.next_at = (at + in_file + PAGE - 1) // PAGE * PAGE
            assert not any(self.data[at + in_file:self.next_at])
            return
        assert kind == LOAD and virtual == physical and align == PAGE
        assert physical % PAGE == 0 and in_file % PAGE == 0 and in_file > 0
        assert at == self.next_at, 'no gaps between segments'
        if self.loads:
            before = self.loads[-1]
            assert physical > before[0] + before[2], 'ascending, and neighbours are one segment'
        self.loads.append((physical, at, in_file))
        self.next_at = at + in_file

    def read_notes(self):
        of = lambda name, kind: [c for n, k, c in self.notes if (n, k) == (name, kind)]
        status = of('CORE', PRSTATUS)
        assert all(len(c) == PRSTATUS_BYTES[self.machine] for c in status)
        at = 32 if self.machine == MACHINE_X86_64 else 24
        numbers = [struct.unpack_from('<I', c, at)[0] for c in status]
        assert numbers == list(range(1, len(status) + 1)), numbers
        states = of('QEMU', QEMU_STATE)
        assert all(len(c) == STATE_BYTES for c in states)
        self.cpus = [parse_state(c) for c in states]
        processors = [struct.unpack('<QQ', c) for c in of('mdlsim', PROCESSOR)]
        assert [number for number, _ in processors] == list(range(len(status)))
        self.efer = [efer for _, efer in processors]
        assert len(status) == len(states) == len(processors) > 0
        self.spaces = {}
        for content in of('mdlsim', ADDRESS_SPACE):
            number, root = struct.unpack_from('<QQ', content, 0)
            assert content.endswith(b'\0')
            name = content[16:-1].decode()
            assert name not in self.spaces
            self.spaces[name] = (number, root)
        assert len(status) * 3 + len(self.spaces) == len(self.notes)

    def frames(self):
        """{physical address of a frame: its bytes}"""
        return {physical + i: self.data[at + i:at + i + PAGE]
                for physical, at, length in self.loads for i in range(0, length, PAGE)}


def read_core(path):
    with open(path, 'rb') as file:
        return CoreFile(file.read())
