#!/usr/bin/env python3
"""Replays give the same trace, to the byte, with and without what makes them fast; TAP.

fast_paths.py MDLSIM SOURCE_ROOT: made-up traces with every kind of record, straddles, pages that
are touched for the first time and addresses that end in an exception, on small and odd geometries
of TLBs, in phases, after a warm-up, in a buffer, and beside calls that flush; and the stored ones.
"""
import pathlib
import random
import subprocess
import sys
import tempfile

TLBS = [
    "{}",
    "{l1d: {4 KiB: {entries: 4, ways: 2, policy: lru}}, l2: {entries: 12, ways: 3}}",
    "{l1d: {4 KiB: {entries: 1, ways: 1}}, l1i: {4 KiB: {entries: 2, ways: 2}}, l2: none}",
    "{l1d: {entries: 6, ways: 3, policy: lru, pages: [4 KiB, 2 MiB]}, l2: {entries: 8, ways: 4}}",
    "{l1d: {4 KiB: {entries: 8, ways: 4, policy: plru}}}",
    "{l1d: {4 KiB: {entries: 8, ways: 4, policy: fifo}}, "
    "l2: {entries: 16, ways: 4, policy: random}}",
    "{l1d: {4 KiB: {entries: 40, ways: full}}, l2: {entries: 64, ways: full}}",
]
PRESETS = ["skylake-sp", "zen3", "ice-lake-sp", "unit"]
CONTEXTS = ["", ", kpti: true", ", kpti: true, pcid: false", ", pcid: true"]
HEAD = """mdlsim: 1
name: replay
machine: {{os: windows-10, ram: 2 GiB, cpu: {{preset: {preset}, tlb: {tlb}{context}}}}}
processes:
  p: {{buffers: {{b: {{size: 256 KiB}}, c: {{size: 64 KiB, protect: PAGE_READONLY}}}}}}
  q: {{}}
steps:
"""


def made(rng, count, far):
    """Lackey lines: hot and cold pages, some of them of both code and data, all kinds."""
    hot = [rng.randrange(0x10, 0x40) * 4096 for _ in range(12)]
    lines = []
    for number in range(count):
        page = rng.choice(hot) if rng.random() < .8 else rng.randrange(0x10, 0x400) * 4096
        offset = rng.randrange(4080, 4096) if rng.random() < .15 else rng.randrange(0, 4000)
        if far and number == count - 20:
            page = rng.choice([0x7FFFFFFF0000, 0xFFFF800000000000, 0x8000000000000000]) - 4096
            offset = 4092 + rng.randrange(0, 8)
        kind = rng.choice(["I ", " L", " L", " S", " M"])
        lines.append(f"{kind} {page + offset:08x},{rng.choice([1, 2, 4, 8, 16, 64])}\n")
    return "".join(lines)


def steps(rng, traces):
    """Replays of all kinds, and calls between them."""
    chosen = []
    for _ in range(4):
        extra = rng.choice([
            "", f", limit: {rng.randrange(1, 900)}", ", only: data", ", only: instruction",
            f", skip: {rng.randrange(300)}, warm_up: {rng.randrange(400)}",
            ", phases: [{name: a, count: 100}, {name: b, count: 333}, {name: rest}]",
            ", buffer: $b, only: data", ", buffer: $c, only: data",
            ", buffer: $b, address_base: 0x10000, only: data", ", address_base: 0x7FFFFFE00000",
            ", process: q", ", process: q, pages: 2 MiB",
            ", process: q, pages: thp", ", process: q, pages: 1 GiB"])
        chosen.append(f"  - replay: {{file: {rng.choice(traces)}, format: lackey{extra}}}\n"
                      "    expect: {raises: [STATUS_ACCESS_VIOLATION, none]}\n")
        chosen.append(rng.choice([
            "  - write: {address: $b, length: 256 KiB, stride: 4 KiB, mode: user}\n",
            "  - ZwProtectVirtualMemory: {BaseAddress: $b, RegionSize: 64 KiB, "
            "NewProtect: PAGE_READONLY}\n",
            "  - ZwFreeVirtualMemory: {BaseAddress: 0x20000, RegionSize: 4 KiB, "
            "FreeType: MEM_DECOMMIT}\n", ""]))
    return "".join(chosen)


def trace(mdlsim, scenario, words):
    run = subprocess.run([mdlsim, "run", "-q", "-o", "-", *words, scenario.name],
                         cwd=scenario.parent, check=False, capture_output=True)
    return run.stdout, run.stderr, run.returncode


def main():
    mdlsim, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    rng = random.Random(7)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        traces = []
        for number in range(4):
            traces.append(f"made-{number}.lackey")
            (folder / traces[-1]).write_text(made(rng, 1500, number % 2 == 1), encoding="ascii")
        cases = []
        for number in range(60):
            cases.append(folder / f"made-{number}.yaml")
            head = HEAD.format(preset=rng.choice(PRESETS), tlb=TLBS[number % len(TLBS)],
                               context=rng.choice(CONTEXTS))
            cases[-1].write_text(head + steps(rng, traces), encoding="utf-8")
        cases += sorted(path for path in (root / "scenarios").rglob("*replay*.yaml"))
        print(f"1..{len(cases)}")
        for number, scenario in enumerate(cases, 1):
            fast, slow = trace(mdlsim, scenario, []), trace(mdlsim, scenario, ["--no-fast-paths"])
            fine = fast == slow and len(fast[0]) > 0
            bad += not fine
            print(f"{'ok' if fine else 'not ok'} {number} - {scenario.name}")
            if not fast[0]:
                print("#", fast[1].decode().replace("\n", "\n# "))
            if fine:
                continue
            pairs = zip(fast[0].splitlines(), slow[0].splitlines())
            for one, two in [pair for pair in pairs if pair[0] != pair[1]][:3]:
                print("# fast", one.decode())
                print("# slow", two.decode())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
