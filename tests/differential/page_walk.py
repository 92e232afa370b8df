"""An obvious page walk over the frames of a memory dump: Intel SDM volume 3A, sections 4.4, 4.5.

It goes through every entry of every table, with nothing cached and nothing shared with mdlsim.
"""
import struct

import core_file

PRESENT, WRITE, USER, PWT, PCD, ACCESSED, DIRTY, LARGE, GLOBAL = (1 << i for i in range(9))
PAT_LARGE = 1 << 12
NO_EXECUTE = 1 << 63
ADDRESS = (1 << 52) - 4096
CR4_LA57 = 1 << 12


class Paging:
    """levels: (name, shift of its index, bits of its index), the root first."""

    def __init__(self, levels, pae):
        self.levels, self.pae = levels, pae
        self.address_bits = levels[0][1] + levels[0][2]

    @staticmethod
    def of(core, cpu=0):
        """The paging mode that the control registers of a dump ask for."""
        pae = core.machine == core_file.MACHINE_386
        levels = [('pdpt', 30, 2 if pae else 9), ('pd', 21, 9), ('pt', 12, 9)]
        if not pae:
            levels.insert(0, ('pml4', 39, 9))
        if core.cpus[cpu]['cr'][4] & CR4_LA57:
            levels.insert(0, ('pml5', 48, 9))
        return Paging(levels, pae)

    def canonical(self, address):
        if not self.pae and address >> (self.address_bits - 1) & 1:
            address |= (1 << 64) - (1 << self.address_bits)
        return address


class Leaf:
    """One mapping: address, physical, size, entry, and what all levels together permit."""

    def __init__(self, address, shift, entry, path):
        self.address, self.size, self.entry = address, 1 << shift, entry
        self.physical = entry & ADDRESS & ~(self.size - 1)
        above = [e for name, e in path]
        self.user = all(e & USER for e in above) and entry & USER != 0
        self.write = all(e & WRITE for e in above) and entry & WRITE != 0
        self.execute = not any(e & NO_EXECUTE for e in above) and entry & NO_EXECUTE == 0
        self.path = path  # (level, entry) of the tables above

    def flags(self):
        """As `info tlb` prints the leaf entry."""
        bits = ((NO_EXECUTE, 'X'), (GLOBAL, 'G'), (LARGE, 'P'), (DIRTY, 'D'), (ACCESSED, 'A'),
                (PCD, 'C'), (PWT, 'T'), (USER, 'U'), (WRITE, 'W'))
        entry = self.entry if self.size > 4096 else self.entry & ~LARGE  # there it is PAT
        return ''.join(letter if entry & bit else '-' for bit, letter in bits)

    def permissions(self):
        """As `info mem` prints ranges."""
        return ('u' if self.user else '-') + 'r' + ('w' if self.write else '-')


def leaves(core, root, paging, frames=None):
    """All mappings by ascending table index, as the tables at `root` have them."""
    frames = frames or core.frames()
    found = []

    def visit(table, depth, base, path):
        name, shift, bits = paging.levels[depth]
        # The page-directory-pointer table of PAE has no permissions of its own (table 4-8).
        for index, entry in enumerate(struct.unpack_from(f'<{1 << bits}Q', frames[table])):
            if not entry & PRESENT:
                continue
            address = base | index << shift
            large = entry & LARGE and (name == 'pd' or name == 'pdpt' and not paging.pae)
            if shift == 12 or large:
                found.append(Leaf(paging.canonical(address), shift, entry, path))
            else:
                above = [(name, entry if not (paging.pae and name == 'pdpt')
                          else entry | USER | WRITE)]
                visit(entry & ADDRESS, depth + 1, address, path + above)

    visit(root & ADDRESS, 0, 0, [])
    return found


def ranges(mappings):
    """(start, end, permissions) of neighbours with equal permissions, as `info mem` joins them:
    by index, so that the halves of the address space do not join."""
    joined = []
    for leaf in mappings:
        row = (leaf.address, leaf.address + leaf.size, leaf.permissions())
        if joined and joined[-1][1] == row[0] and joined[-1][2] == row[2]:
            joined[-1] = (joined[-1][0], row[1], row[2])
        else:
            joined.append(row)
    return joined
