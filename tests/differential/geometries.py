#!/usr/bin/env python3
"""TLB counts of replays on small and odd geometries, where every slip in the order of use shows.

geometries.py MDLSIM SOURCE_ROOT: the real traces of traces/inputs and synthetic ones with
straddling accesses, M records, fetches and far addresses, against naive_tlb.py; TAP.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

# First level of data, second level, first level of code: (entries, ways).
GEOMETRIES = [((64, 4), (1536, 12), (128, 8)), ((16, 4), (48, 12), (8, 8)),
              ((3, 3), (28, 7), (8, 1)), ((1, 1), (2, 1), (1, 1))]
KEYS = ("lookups", "hits", "misses")
SCENARIO = """mdlsim: 1
name: replay
machine:
  ram: 2 GiB
  cpu:
    tlb:
      l1d: {{4 KiB: {l1d}, 2 MiB: none, 1 GiB: none}}
      l1i: {{4 KiB: {l1i}, 2 MiB: none, 1 GiB: none}}
      l2: {{entries: {entries}, ways: {ways}, policy: lru, pages: [4 KiB]}}
processes: {{p: {{}}}}
steps: [replay: {{file: {trace}}}]
"""


def synthetic(seed, count):
    """Lackey lines: hot and cold pages, straddles, every kind of record."""
    rng = random.Random(seed)
    hot = [0x10000000 + 4096 * rng.randrange(64) for _ in range(40)]
    lines = ["==1== Lackey, an example Valgrind tool"]
    for _ in range(count):
        page = rng.choice(hot) if rng.random() < 0.7 else 4096 * rng.randrange(0x100, 0x7FFFF000)
        offset = rng.randrange(4090, 4096) if rng.random() < 0.2 else rng.randrange(0, 4000)
        kind = rng.choice(["I ", " L", " S", " M"])
        lines.append(f"{kind} {page + offset:08x},{rng.choice([1, 2, 4, 8, 16, 32])}")
    return "\n".join(lines) + "\n"


def simulated(mdlsim, folder, trace, geometry):
    """Counts by level of mdlsim, and its page walks."""
    first, second, code = geometry
    array = "{{entries: {0}, ways: {1}, policy: lru}}".format
    (folder / "s.yaml").write_text(
        SCENARIO.format(l1d=array(*first), l1i=array(*code), entries=second[0], ways=second[1],
                        trace=trace), encoding="utf-8")
    run = subprocess.run([mdlsim, "run", "-q", "--format", "none", "-o", "-", "s.yaml"],
                         cwd=folder, check=True, capture_output=True)
    tlb = json.loads(run.stdout)["stats"]["tlb"]["cpu0"]
    counts = {level: {k: tlb[level][k] for k in KEYS} for level in ("l1d", "l1i", "l2")}
    return counts, tlb["walks"]["count"]


def naive(script, trace, geometry):
    """The same counts of the obvious model."""
    first, second, code = ("x".join(map(str, g)) for g in geometry)
    run = subprocess.run([sys.executable, str(script), str(trace), "--format", trace.suffix[1:],
                          "--l1", first, "--l2", second, "--itlb", code],
                         check=True, capture_output=True)
    found = json.loads(run.stdout)
    return {level: {k: found[name][k] for k in KEYS}
            for level, name in (("l1d", "l1"), ("l1i", "itlb"), ("l2", "l2"))}


def main():
    mdlsim, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    script = root / "tests/differential/naive_tlb.py"
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        traces = [root / "traces/inputs/sort.lackey", root / "traces/inputs/sort.din"]
        for seed in range(3):
            traces.append(folder / f"synthetic-{seed}.lackey")
            traces[-1].write_text(synthetic(seed, 4000), encoding="utf-8")
        cases = [(trace, geometry) for trace in traces for geometry in GEOMETRIES]
        print(f"1..{len(cases)}")
        for number, (trace, geometry) in enumerate(cases, 1):
            real, walks = simulated(mdlsim, folder, trace, geometry)
            expected = naive(script, trace, geometry)
            fine = real == expected and walks == real["l2"]["misses"]
            bad += not fine
            print(f"{'ok' if fine else 'not ok'} {number} - {trace.name} on {geometry}")
            if not fine:
                print(f"# mdlsim {real}, {walks} walks; naive {expected}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
