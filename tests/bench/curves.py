#!/usr/bin/env python3
"""Miss curves of 100 geometries in one pass beside one run for each of ten of them.

usage: curves.py MEASURED MDLSIM SOURCE_ROOT: the packed traces of traces/inputs behind each other,
from packed records and from lackey text; processor time, the best of some rounds. Exits with 1 when
a pass takes longer than ten runs, or when misses differ.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROUNDS, SETS, MAX_WAYS = 3, (1, 16, 64, 128), 25  # 100 geometries
CHOSEN = [(1, 8), (1, 25), (16, 1), (16, 4), (16, 12), (64, 2), (64, 4), (64, 25), (128, 3),
          (128, 12)]
HEAD = "mdlsim: 1\nname: n\nmachine: {{ram: 2 GiB{cpu}}}\nprocesses: {{p: {{}}}}\nsteps:\n"
CURVES = HEAD + "  - replay: {{file: {trace}, curves: {{max_entries: {entries}, sets: {sets}}}}}\n"
SINGLE = HEAD + "  - replay: {{file: {trace}}}\n"
CPU = (", cpu: {{tlb: {{l1d: {{4 KiB: {{entries: {0}, ways: {1}, policy: lru}}, 2 MiB: none, "
       "1 GiB: none}}, l1i: none, l2: none}}}}")


def run(words, scenario, text):
    """Milliseconds of processor time, and the statistics."""
    scenario.write_text(text, encoding="utf-8")
    best = min(int(subprocess.run(words + ["-o", "out", scenario], check=True, cwd=scenario.parent,
                                  capture_output=True).stdout.split()[0]) for _ in range(ROUNDS))
    stats = json.loads((scenario.parent / "out").read_text(encoding="utf-8"))["stats"]
    return best / 1000, stats


def misses_of(arrays, sets, ways):
    pairs = next(array["misses"] for array in arrays if array["sets"] == sets)
    return [misses for number, misses in pairs if number <= ways][-1]


def measure(words, folder, trace):
    scenario = folder / "s.yaml"
    one, stats = run(words, scenario, CURVES.format(
        cpu="", trace=trace, entries=MAX_WAYS * max(SETS), sets=list(SETS)))
    arrays = stats["curves"]["replay0"]["page_sizes"][0]["arrays"]
    total, same = 0, True
    for sets, ways in CHOSEN:
        took, single = run(words, scenario, SINGLE.format(cpu=CPU.format(sets * ways, ways),
                                                          trace=trace))
        total += took
        found = single["tlb"]["cpu0"]["l1d"]["misses"]
        if found != misses_of(arrays, sets, ways):
            print(f"{trace}: {sets} x {ways}: {found} misses, the curve has another number")
            same = False
    print(f"{trace}: {one:.0f} ms for 100 geometries in one pass, {total:.0f} ms for ten runs, "
          f"ratio {one / total:.2f}")
    return same and one < total


def main():
    measured, mdlsim, root = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:])
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with (folder / "all.lackey").open("wb") as out:
            for packed in sorted((pathlib.Path(root) / "traces/inputs").glob("*.packed")):
                subprocess.run([mdlsim, "import", "-q", "--to", "lackey", packed, "-o", "-"],
                               check=True, stdout=out)
        subprocess.run([mdlsim, "import", "-q", "all.lackey", "-o", "all.packed"], check=True,
                       cwd=folder)
        words = [measured, mdlsim, "run", "-q", "--format", "none"]
        for trace in ("all.lackey", "all.packed"):
            good = measure(words, folder, trace) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
