#!/usr/bin/env python3
"""Miss curves of one pass against one run for each geometry, and against obvious models; TAP.

curves.py MDLSIM SOURCE_ROOT: a stored trace and made-up ones. Each array of one level, of every
number of ways from 1 to 8 and some more, is run by itself; lists in the order of use say what
arrays of every number of ways miss, and sets of pages how many a window holds. Estimates of a
sample must lie within four of the errors that they tell and 2 % of the lookups.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

SETS, MAX_ENTRIES, SIZES = (1, 4, 16), 64, {4096: "4 KiB", 2097152: "2 MiB"}
CURVES = """mdlsim: 1
name: curves
machine: {{ram: 2 GiB}}
processes: {{p: {{}}}}
steps:
  - replay:
      file: {trace}
      skip: 20
      warm_up: {warm}
      curves: {{page_sizes: [4 KiB, 2 MiB], max_entries: {entries}, sets: {sets}{sample}}}
"""
SINGLE = """mdlsim: 1
name: one geometry
machine:
  ram: 2 GiB
  cpu: {{tlb: {{l1d: {{4 KiB: {{entries: {entries}, ways: {ways}, policy: lru}}, 2 MiB: none,
                     1 GiB: none}}, l1i: none, l2: none}}}}
processes: {{p: {{}}}}
steps: [replay: {{file: {trace}, skip: 20, warm_up: {warm}}}]
"""


def made(seed, count, page_count):
    """Lackey lines: few pages often, many seldom, and some in order."""
    rng = random.Random(seed)
    lines = []
    for number in range(count):
        page = rng.choice((rng.randrange(6), rng.randrange(40), rng.randrange(page_count),
                           number // 7 % page_count))
        offset = rng.randrange(4090, 4096) if rng.random() < .1 else rng.randrange(4000)
        kind = rng.choice(["I ", " L", " S", " M"])
        address = 0x40000000 + page * 4096 * 3 + offset
        lines.append(f"{kind} {address:08x},{rng.choice([1, 8, 16])}\n")
    return "".join(lines)


def lookups(path, shift):
    """Pages in the order of their lookups, by record."""
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("=="):
            continue
        kind, rest = line.split()
        address, size = rest.split(",")
        low = int(address, 16) >> shift
        high = (int(address, 16) + int(size) - 1) >> shift
        yield ([low] if low == high else [low, high]) * (2 if kind == "M" else 1)


def naive(path, shift, sets, warm):
    """Misses by ways, distinct pages, and distinct pages summed over windows of powers of two."""
    stacks = [[] for _ in range(sets)]
    ways_most = MAX_ENTRIES // sets
    found, measured = [0] * ways_most, []
    for number, pages in enumerate(lookups(path, shift)):
        if number < 20:
            continue
        for page in pages:
            stack = stacks[page % sets]
            distance = ways_most
            if page in stack:
                distance = stack.index(page)
                stack.remove(page)
            stack.insert(0, page)
            if number < 20 + warm:
                continue
            measured.append(page)
            if distance < ways_most:
                found[distance] += 1
    misses = [len(measured) - sum(found[:ways]) for ways in range(1, ways_most + 1)]
    return misses, measured


def working_set(measured):
    length, windows = 1, []
    while length <= len(measured):
        counts, distinct, total = {}, 0, 0
        for number, page in enumerate(measured):
            distinct += counts.get(page, 0) == 0
            counts[page] = counts.get(page, 0) + 1
            if number >= length:
                old = measured[number - length]
                counts[old] -= 1
                distinct -= counts[old] == 0
            total += distinct if number >= length - 1 else 0
        windows.append([length, len(measured) - length + 1, total])
        length *= 2
    return windows


def run(mdlsim, folder, text):
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run([mdlsim, "run", "-q", "-o", "-", "s.yaml"], cwd=folder, check=True,
                          capture_output=True)
    return json.loads(done.stdout)


def spread_out(pairs, ways_most):
    """Misses by ways, of a list that has only changes."""
    values, changes = [], {pair[0]: pair[1] for pair in pairs}
    for ways in range(1, ways_most + 1):
        values.append(changes.get(ways, values[-1] if values else None))
    return values


def real(mdlsim, inputs, folder):
    """The middle of each packed trace as lackey text."""
    for packed in sorted(inputs.glob("*.packed")):
        text = folder / (packed.stem + ".lackey")
        subprocess.run([mdlsim, "import", packed, "-q", "-o", text, "--to", "lackey", "--skip",
                        "400000", "--limit", "6000"], check=True)
        yield text


def check(mdlsim, folder, trace, warm):
    """What is wrong, as lines."""
    wrong = []
    text = CURVES.format(trace=trace, warm=warm, entries=MAX_ENTRIES, sets=list(SETS), sample="")
    curves = run(mdlsim, folder, text)["events"][0]["curves"]
    for size in curves["page_sizes"]:
        shift = size["bytes"].bit_length() - 1
        for array in size["arrays"]:
            sets, ways_most = array["sets"], MAX_ENTRIES // array["sets"]
            expected, measured = naive(trace, shift, sets, warm)
            found = spread_out(array["misses"], ways_most)
            if found != expected or size["lookups"] != len(measured):
                wrong.append(f"{shift} {sets}: {found}, naive {expected}")
            if size["pages"] != len(set(measured)) or size["working_set"] != working_set(measured):
                wrong.append(f"{shift}: {size['working_set']}, naive {working_set(measured)}")
            for ways in [*range(1, 9), ways_most] if shift == 12 else []:
                if ways > ways_most:
                    continue
                single = run(mdlsim, folder, SINGLE.format(trace=trace, warm=warm, ways=ways,
                                                           entries=sets * ways))
                misses = single["stats"]["tlb"]["cpu0"]["l1d"]["misses"]
                if misses != found[ways - 1]:
                    wrong.append(f"{sets} x {ways}: {found[ways - 1]}, a run of its own {misses}")
    return wrong


def check_sample(mdlsim, folder, trace):
    """Estimates of one of 4 pages, a way each 64, beside what is exact."""
    results = []
    for sample in ("", ", sample: 1/4"):
        text = CURVES.format(trace=trace, warm=0, entries=4096, sets=[1], sample=sample)
        results.append(run(mdlsim, folder, text)["events"][0]["curves"]["page_sizes"][0])
    exact = spread_out(results[0]["arrays"][0]["misses"], 4096)
    triples = results[1]["arrays"][0]["misses"]
    errors = spread_out([(t[0], t[2]) for t in triples], 4096)
    estimates = spread_out(triples, 4096)
    wrong = [f"{ways} ways: {estimates[ways - 1]} with error {errors[ways - 1]}, exactly "
             f"{exact[ways - 1]}" for ways in range(64, 4097, 64)
             if abs(estimates[ways - 1] - exact[ways - 1]) >
             4 * errors[ways - 1] + results[0]["lookups"] // 50]
    if not 0 < max(errors) < results[0]["lookups"]:
        wrong.append(f"errors {errors}")
    return wrong


def main():
    mdlsim, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cases = [(root / "traces/inputs/sort.lackey", 0)]
        cases += [(trace, 100) for trace in real(mdlsim, root / "traces/inputs", folder)]
        for seed, warm in ((1, 0), (2, 500)):
            cases.append((folder / f"made-{seed}.lackey", warm))
            cases[-1][0].write_text(made(seed, 3000, 400), encoding="ascii")
        large = folder / "large.lackey"
        large.write_text(made(3, 40000, 3000), encoding="ascii")
        print(f"1..{len(cases) + 1}")
        for number, (trace, warm) in enumerate([*cases, (large, None)], 1):
            wrong = (check_sample(mdlsim, folder, trace) if warm is None
                     else check(mdlsim, folder, trace, warm))
            bad += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {trace.name}")
            for line in wrong[:5]:
                print("#", line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
