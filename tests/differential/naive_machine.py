"""An obvious model of a processor's TLBs, paging-structure caches and of how replays map pages.

Every array is a list of sets of ways, every search a loop. The rules are those of docs/MODEL.md,
sections 4 and 5. Counts by level, walks by page size, entries fetched by level; no costs.
"""
MASK = (1 << 64) - 1
SHIFTS = {"4 KiB": 12, "2 MiB": 21, "1 GiB": 30}
PAGE_KEYS = dict(zip(SHIFTS, ("4k", "2m", "1g")))  # as the statistics spell them
LEVELS = ("pt", "pd", "pdpt", "pml4")  # of page tables, by what one entry spans
USER_TOP = 1 << 47
SYSTEM = "system"  # the space of pages that are global


class Random:
    """xoshiro256** seeded by splitmix64, as src/base/rng.c."""

    def __init__(self, seed, stream):
        state = (seed + self.mix(stream)) & MASK
        self.s = []
        for _ in range(4):
            state = (state + 0x9E3779B97F4A7C15) & MASK
            self.s.append(self.mix(state))

    @staticmethod
    def mix(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
        x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
        return x ^ x >> 31

    @staticmethod
    def rotate(x, bits):
        return (x << bits | x >> 64 - bits) & MASK

    def next(self):
        s = self.s
        result = self.rotate(s[1] * 5 & MASK, 7) * 9 & MASK
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = self.rotate(s[3], 45)
        return result

    def below(self, bound):
        while bound > 1:
            n = self.next() >> 64 - (bound - 1).bit_length()
            if n < bound:
                return n
        return 0


class Array:
    """Sets of ways; a way is [tag, time of last use (lru) or of its fill] or None."""

    def __init__(self, entries, ways, policy, seed, hashed=False):
        self.ways, self.policy, self.hashed = ways, policy, hashed
        self.sets = [[None] * ways for _ in range(entries // ways)]
        self.recent = [{} for _ in self.sets]  # tree-PLRU: the half of each node used last
        self.random, self.now = Random(seed, 0x544C42), 0

    def set_of(self, number):
        if self.hashed:
            number = (number * 0x9E3779B97F4A7C15 & MASK) >> 32
        return number % len(self.sets)

    def halves(self):
        size = 1
        while size < self.ways:
            size *= 2
        return size

    def mark(self, at, way):
        node, low, size = 1, 0, self.halves()
        while size > 1:
            size //= 2
            upper = way >= low + size
            self.recent[at][node] = upper
            node, low = 2 * node + upper, low + size * upper

    def oldest_half(self, at):
        node, low, size = 1, 0, self.halves()
        while size > 1:
            size //= 2
            upper = self.recent[at].get(node) is False and low + size < self.ways
            node, low = 2 * node + upper, low + size * upper
        return low

    def use(self, at, way):
        self.now += 1
        if self.policy == "lru":
            self.sets[at][way][1] = self.now
        if self.policy == "plru":
            self.mark(at, way)

    def find(self, number, tag):
        at = self.set_of(number)
        for way, entry in enumerate(self.sets[at]):
            if entry is not None and entry[0] == tag:
                self.use(at, way)
                return True
        return False

    def victim(self, at):
        ways = self.sets[at]
        if None in ways:
            return ways.index(None)
        if self.policy == "random":
            return self.random.below(self.ways)
        if self.policy == "plru":
            return self.oldest_half(at)
        return min(range(self.ways), key=lambda way: ways[way][1])

    def fill(self, number, tag):
        """The tag that had to go, or None."""
        at = self.set_of(number)
        way = self.victim(at)
        old = self.sets[at][way]
        self.now += 1
        self.sets[at][way] = [tag, self.now]
        if self.policy == "plru":
            self.mark(at, way)
        return old and old[0]

    def drop(self, which):
        """Drops the tags that which(tag) names; how many."""
        count = 0
        for ways in self.sets:
            for way, entry in enumerate(ways):
                if entry is not None and which(entry[0]):
                    ways[way] = None
                    count += 1
        return count


class Level:
    """arrays: {page sizes: (entries, ways, policy)}, sizes a tuple that share one array."""

    def __init__(self, arrays, seed, hashed=False):
        self.array = {}
        for sizes, shape in arrays.items():
            first = list(SHIFTS).index(sizes[0])
            made = Array(*shape, seed + first, hashed)
            self.array.update({size: made for size in sizes})
        self.counts = dict.fromkeys(("lookups", "hits", "misses", "evictions", "invalidations"), 0)

    def look_up(self, space, address):
        """The size of the page whose entry is there, or None."""
        self.counts["lookups"] += 1
        for size in (size for size in SHIFTS if size in self.array):
            number = address >> SHIFTS[size]
            if self.array[size].find(number, (space, size, number)):
                self.counts["hits"] += 1
                return size
        self.counts["misses"] += 1
        return None

    def fill(self, space, address, size):
        if size in self.array:
            number = address >> SHIFTS[size]
            gone = self.array[size].fill(number, (space, size, number))
            self.counts["evictions"] += gone is not None

    def drop(self, which):
        for array in {id(a): a for a in self.array.values()}.values():
            self.counts["invalidations"] += array.drop(which)


class Space:
    """What a process has mapped and reserved."""

    def __init__(self):
        self.pages = {}  # (size, number) of what is mapped
        self.blocks = set()  # reserved 64 KiB blocks
        self.tables = set()  # (level, number) of the tables that exist below the root

    def mapped(self, address):
        return next((size for size, shift in SHIFTS.items()
                     if (size, address >> shift) in self.pages), None)

    def region_is_free(self, address, size):
        low = address >> SHIFTS[size] << SHIFTS[size]
        return low > 0 and self.blocks.isdisjoint(range(low >> 16, low + (1 << SHIFTS[size]) >> 16))

    def map(self, address, size):
        self.pages[size, address >> SHIFTS[size]] = True
        for level in range(list(SHIFTS).index(size), len(LEVELS) - 1):
            self.tables.add((level, address >> 12 + 9 * (level + 1)))

    def first_touch(self, address, wanted):
        """What a replay maps where nothing is; wanted: sizes to try, the largest first."""
        if address >> 16 not in self.blocks:
            for size in wanted:
                if self.region_is_free(address, size):
                    low = address >> SHIFTS[size] << SHIFTS[size]
                    self.blocks.update(range(low >> 16, low + (1 << SHIFTS[size]) >> 16))
                    self.map(address, size)
                    return
            self.blocks.add(address >> 16)
        self.map(address, "4 KiB")


class Machine:
    """levels: {"l1d": arrays, "l1i": arrays, "l2": arrays, "l2i": arrays or None}, psc: {"pd":
    (entries, ways), "pdpt": ..., "pml4": ...}; spaces by name; pcid: how many contexts are kept."""

    OFFSETS = {"l1d": 0, "l1i": 3, "l2": 6, "l2i": 15}

    def __init__(self, levels, psc, spaces, seed, pcid=0, threshold=33, hashed=False):
        base = seed * 1024
        self.level = {name: Level(arrays, base + self.OFFSETS[name], hashed and name == "l2")
                      for name, arrays in levels.items() if arrays is not None}
        self.psc = {name: Array(*shape, "lru", base) for name, shape in psc.items()}
        self.space = {name: Space() for name in (*spaces, SYSTEM)}
        self.pcid, self.threshold, self.kept = pcid, threshold, []
        self.walks = {"count": 0, "by_page": dict.fromkeys(PAGE_KEYS.values(), 0),
                      "references": dict.fromkeys(LEVELS, 0),
                      "pscache_hits": dict.fromkeys(psc, 0)}
        self.faults = 0
        self.current = None
        self.load(spaces[0])

    # ---- walks ----

    def walk(self, name, address, counts):
        """One walk from the deepest table known to the page, or to where there is nothing. What is
        known of tables belongs to the space that is loaded, for pages of the system too."""
        space = self.space[name]
        size = space.mapped(address)
        leaf = None if size is None else list(SHIFTS).index(size)
        top = len(LEVELS) - 1
        for level in range(1, len(LEVELS)):  # an entry of that level names a table below it
            cache = self.psc.get(LEVELS[level])
            number = address >> 12 + 9 * level
            if cache is not None and cache.find(number, (self.current, number)):
                counts["pscache_hits"][LEVELS[level]] += 1
                top = level - 1
                break
        for level in range(top, -1, -1):
            counts["references"][LEVELS[level]] += 1
            if level == leaf:
                return
            number = address >> 12 + 9 * level
            if level == 0 or (level - 1, number) not in space.tables:
                return
            if LEVELS[level] in self.psc:
                self.psc[LEVELS[level]].fill(number, (self.current, number))

    def translate_miss(self, first, name, address, wanted):
        second = self.level.get("l2i" if first == "l1i" and "l2i" in self.level else "l2")
        size = second and second.look_up(name, address)
        if size is None:
            if self.space[name].mapped(address) is None:  # interrupted, and not counted
                nothing = {"references": dict.fromkeys(LEVELS, 0),
                           "pscache_hits": dict.fromkeys(self.psc, 0)}
                self.walk(name, address, nothing)
                self.faults += 1
                self.space[name].first_touch(address, wanted)
            self.walks["count"] += 1
            self.walk(name, address, self.walks)
            size = self.space[name].mapped(address)
            self.walks["by_page"][PAGE_KEYS[size]] += 1
            if second:
                second.fill(name, address, size)
        self.level[first].fill(name, address, size)

    def access(self, kind, address, size, wanted=()):
        """One access of the current space, 4 KiB at a time."""
        first = "l1i" if kind == "I" and "l1i" in self.level else "l1d"
        end = address + size
        name = self.current if address < USER_TOP else SYSTEM
        while address < end:
            if self.level[first].look_up(name, address) is None:
                self.translate_miss(first, name, address, wanted)
            address = (address >> 12) + 1 << 12

    def replay(self, records, pages):
        for kind, address, size in records:
            wanted = {"4 KiB": (), "2 MiB": ("2 MiB",), "1 GiB": ("1 GiB", "2 MiB"),
                      "thp": () if kind == "I" else ("2 MiB",)}[pages]
            for _ in range(2 if kind == "M" else 1):
                self.access(kind, address, size, wanted)

    # ---- flushes and switches ----

    def drop(self, which):
        for level in self.level.values():
            level.drop(which)

    def drop_space(self, name):
        self.drop(lambda tag: tag[0] == name)
        for cache in self.psc.values():
            cache.drop(lambda tag: tag[0] == name)

    def flush(self, addresses):
        """Pages of the current space whose entries changed."""
        name = self.current
        if len(addresses) > self.threshold:
            if self.pcid:
                self.drop_space(name)
                return
            self.drop(lambda tag: True)
            for cache in self.psc.values():
                cache.drop(lambda tag: True)
            return
        gone = {size: {address >> shift for address in addresses} for size, shift in SHIFTS.items()}
        self.drop(lambda tag: tag[0] == name and tag[2] in gone[tag[1]])
        for cache in self.psc.values():
            cache.drop(lambda tag: tag[0] == name)

    def load(self, name):
        """CR3: without PCIDs everything goes, with them the context used longest ago if need be."""
        self.current = name
        if not self.pcid:
            self.drop(lambda tag: tag[0] != SYSTEM)
            for cache in self.psc.values():
                cache.drop(lambda tag: True)
            return
        if name in self.kept:
            self.kept.remove(name)
        elif len(self.kept) == self.pcid:
            self.drop_space(self.kept.pop(0))
        self.kept.append(name)
