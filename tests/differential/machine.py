#!/usr/bin/env python3
"""Replays, flushes and switches on every policy and odd geometries, against naive_machine.py; TAP.

machine.py MDLSIM SOURCE_ROOT: three processes whose traces (pieces of those of traces/inputs, and
made up ones with straddles, M records and fetches) are replayed in turns, in pages of all sizes,
between flushes of few and of many pages and reads of pool, which is global. Counts of every level,
walks by level and by page size and faults must be equal.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import naive_machine
import naive_tlb

POLICIES = ("lru", "plru", "fifo", "random")
SMALL, LARGE, HUGE = "4 KiB", "2 MiB", "1 GiB"
# Arrays by level: {page sizes that share one: (entries, ways)}; l2i None: l2 serves code too.
GEOMETRIES = [
    {"l1d": {(SMALL,): (64, 4), (LARGE,): (32, 4), (HUGE,): (4, 4)},
     "l1i": {(SMALL,): (128, 8), (LARGE,): (8, 8)}, "l2": {(SMALL, LARGE): (1536, 12)},
     "l2i": None},
    {"l1d": {(SMALL, LARGE, HUGE): (24, 24)}, "l1i": {(SMALL, LARGE, HUGE): (10, 5)},
     "l2": {(SMALL, LARGE): (80, 5)}, "l2i": {(SMALL, LARGE): (28, 7)}},
    {"l1d": {(SMALL,): (12, 3), (LARGE,): (2, 1), (HUGE,): (1, 1)}, "l1i": {(SMALL,): (5, 5)},
     "l2": {(SMALL,): (48, 6)}, "l2i": None},
    {"l1d": {(SMALL,): (16, 16), (LARGE,): (6, 3), (HUGE,): (2, 2)},
     "l1i": {(SMALL, LARGE): (4, 1)}, "l2": {(SMALL, LARGE, HUGE): (64, 8)}, "l2i": None},
]
PSCS = [{"pd": (32, 4), "pdpt": (4, 4), "pml4": (2, 2)}, {"pd": (2, 1), "pdpt": (1, 1)}, {}]
PAGES = (SMALL, LARGE, HUGE, "thp")
CONTEXTS = (0, 8, 2)  # PCIDs
BUFFER, BUFFER_PAGES = 0x2000_0000_0000, 48
POOL, POOL_PAGES = 0xFFFF_AE00_0000_0000, 1040  # three page tables
ROUNDS, RECORDS = 10, 1000


def made_up(rng):
    """Records on hot and on cold pages, a fifth across a page boundary."""
    hot = [0x1_0000_0000 + 4096 * rng.randrange(2048) for _ in range(48)]
    found = []
    for _ in range(RECORDS):
        page = rng.choice(hot) if rng.random() < 0.7 else \
            (rng.randrange(4) << 30) + 4096 * rng.randrange(16, 1 << 15)
        offset = rng.randrange(4090, 4096) if rng.random() < 0.2 else rng.randrange(4000)
        found.append((rng.choice("ILSM"), page + offset, rng.choice([1, 2, 4, 8, 16, 64])))
    return found


def real(mdlsim, inputs, name, skip):
    run = subprocess.run([mdlsim, "import", inputs / name, "-q", "-o", "-", "--to", "lackey",
                          "--skip", str(skip), "--limit", str(RECORDS)],
                         check=True, capture_output=True, text=True)
    return list(naive_tlb.lackey_records(run.stdout.splitlines()))


def arrays_yaml(arrays, policy):
    """A level as a scenario has it."""
    if len(arrays) == 1:
        (sizes, (entries, ways)), = arrays.items()
        return f"{{entries: {entries}, ways: {ways}, policy: {policy}, " \
            f"pages: [{', '.join(sizes)}]}}"
    parts = {size: "none" for size in (SMALL, LARGE, HUGE)}
    for (size,), (entries, ways) in arrays.items():
        parts[size] = f"{{entries: {entries}, ways: {ways}, policy: {policy}}}"
    return "{" + ", ".join(f"{size}: {part}" for size, part in parts.items()) + "}"


class Case:
    """One machine, and what is done on it both ways."""

    def __init__(self, number, rng):
        self.rng, self.policy = rng, POLICIES[number % len(POLICIES)]
        self.geometry = GEOMETRIES[number // len(POLICIES) % len(GEOMETRIES)]
        self.psc, self.pcid = rng.choice(PSCS), rng.choice(CONTEXTS)
        self.hashed, self.seed = rng.random() < 0.3, rng.randrange(1000)
        levels = {name: arrays and {sizes: (*shape, self.policy) for sizes, shape in arrays.items()}
                  for name, arrays in self.geometry.items()}
        self.naive = naive_machine.Machine(levels, self.psc, ("p", "q", "r"), self.seed, self.pcid,
                                           hashed=self.hashed)
        for name in ("p", "q", "r"):
            space = self.naive.space[name]
            for page in range(BUFFER_PAGES):
                space.map(BUFFER + page * 4096, SMALL)
                space.blocks.add(BUFFER + page * 4096 >> 16)
        for page in range(POOL_PAGES):
            self.naive.space[naive_machine.SYSTEM].map(POOL + page * 4096, SMALL)
        self.steps = ["  - ExAllocatePoolWithTag: {PoolType: NonPagedPoolNx, NumberOfBytes: "
                      f"{POOL_PAGES * 4} KiB, Tag: pool}}",
                      f"    expect: {{returns: {POOL:#x}}}"]

    def name(self):
        psc = ", ".join(f"{name} {entries} x {ways}" for name, (entries, ways) in self.psc.items())
        return f"{self.policy}{' by hash' if self.hashed else ''}, geometry " \
            f"{GEOMETRIES.index(self.geometry)}, {self.pcid} PCIDs, structures: {psc or 'none'}"

    def replay(self, name, records, file):
        pages = self.rng.choice(PAGES)
        self.steps.append(f"  - replay: {{file: {file}, process: {name}, pages: {pages}}}")
        if name != "p":
            self.naive.load(name)
        self.naive.replay(records, pages)
        if name != "p":
            self.naive.load("p")

    def touch(self):
        self.steps.append(f"  - read: {{address: $b, length: {BUFFER_PAGES * 4} KiB, "
                          "stride: 4 KiB, mode: user}")
        for page in range(BUFFER_PAGES):
            self.naive.access("L", BUFFER + page * 4096, 8)

    def system(self):
        stride = self.rng.choice([5, 37, 130])
        end = POOL_PAGES // stride * stride
        self.steps.append(f"  - read: {{address: {POOL:#x}, length: {end * 4} KiB, "
                          f"stride: {stride * 4} KiB}}")
        for page in range(0, end, stride):
            self.naive.access("L", POOL + page * 4096, 8)

    def flush(self):
        count = self.rng.choice([1, 3, 20, 33, 34, BUFFER_PAGES])
        for protect in ("PAGE_READONLY", "PAGE_READWRITE"):
            self.steps.append("  - ZwProtectVirtualMemory: [NtCurrentProcess, $b, "
                              f"{count * 4} KiB, {protect}]")
            self.naive.flush([BUFFER + page * 4096 for page in range(count)])

    def scenario(self):
        tlb = {name: arrays_yaml(arrays, self.policy) for name, arrays in self.geometry.items()
               if arrays is not None}
        if self.hashed:
            tlb["l2"] = tlb["l2"][:-1] + ", index: hash}"
        shapes = {name: self.psc.get(name) for name in ("pd", "pdpt", "pml4")}
        psc = ", ".join(f"{name}: " + ("none" if shape is None else
                                       "{entries: %d, ways: %d, policy: lru}" % shape)
                        for name, shape in shapes.items())
        lines = ["mdlsim: 1", "name: machine", f"seed: {self.seed}", "machine:", "  ram: 64 GiB",
                 f"  cpu: {{preset: generic, pcid: {self.pcid}, tlb: {{", *(
                     f"    {name}: {level}," for name, level in tlb.items()),
                 f"    psc: {{{psc}}}}}}}", "processes:"]
        lines += [f"  {name}: {{buffers: {{b{'' if name == 'p' else name}: {{size: "
                  f"{BUFFER_PAGES * 4} KiB, at: {BUFFER:#x}, touched: true}}}}}}" for name in "pqr"]
        return "\n".join(lines + ["steps:", *self.steps]) + "\n"

    def expected(self):
        counts = {name: level.counts for name, level in self.naive.level.items()}
        return {**counts, "walks": self.naive.walks, "faults": self.naive.faults}


def simulated(mdlsim, folder, like):
    """The same numbers of mdlsim."""
    run = subprocess.run([mdlsim, "run", "-q", "--format", "none", "-o", "-", "s.yaml"],
                         cwd=folder, check=False, capture_output=True, text=True)
    if run.returncode != 0:
        return run.stderr
    stats = json.loads(run.stdout)["stats"]
    tlb = stats["tlb"]["cpu0"]
    found = {level: {key: tlb[level][key] for key in counts}
             for level, counts in like.items() if level.startswith("l")}
    walks = {key: {k: tlb["walks"][key][k] for k in part} if isinstance(part, dict) else
             tlb["walks"][key] for key, part in like["walks"].items()}
    return {**found, "walks": walks, "faults": stats["memory"]["faults"]["demand_zero"]}


def main():
    mdlsim, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    inputs, rng = root / "traces/inputs", random.Random(11)
    packed = sorted(path.name for path in inputs.glob("*.packed"))
    count, bad = 2 * len(POLICIES) * len(GEOMETRIES), 0
    print(f"TAP version 13\n1..{count}")
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        for number in range(count):
            case = Case(number, rng)
            for turn in range(ROUNDS):
                records = made_up(rng) if turn % 2 else \
                    real(mdlsim, inputs, rng.choice(packed), rng.randrange(900000))
                file = f"{turn}.lackey"
                (folder / file).write_text("".join(
                    f"{'I ' if kind == 'I' else ' ' + kind} {address:08x},{size}\n"
                    for kind, address, size in records), encoding="ascii")
                case.replay(rng.choice("ppqr"), records, file)
                rng.choice((case.touch, case.flush, case.system))()
            (folder / "s.yaml").write_text(case.scenario(), encoding="utf-8")
            expected = case.expected()
            found = simulated(mdlsim, folder, expected)
            bad += found != expected
            print(f"{'ok' if found == expected else 'not ok'} {number + 1} - {case.name()}: "
                  f"{expected['walks']['count']} walks, {expected['faults']} faults")
            if found != expected:
                print("# mdlsim", found, "\n# naive ", expected)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
