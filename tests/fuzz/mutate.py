#!/usr/bin/env python3
"""Mutated scenarios, memory-access traces and stored traces: whatever comes in, the program ends
with a documented exit status and within its time, never by a signal or an internal error.

mutate.py MDLSIM ROOT [--seed N] [--count N] [--keep DIR]; a failing input is kept."""
import argparse
import pathlib
import random
import subprocess
import sys
import tempfile

ALLOWED = {0, 1, 64, 65, 66}
SECONDS = 20
WORDS = [
    b"$", b"[", b"]", b"{", b"}", b": ", b"- ", b"'", b'"', b"\n", b"\t", b"\0", b"&a ", b"*a",
    b"<<: ", b"!!int ", b"0x", b"18446744073709551615", b"18446744073709551616", b"-1", b"1e18",
    b"NULL", b"KiB", b"64 TiB", b"repeat", b"while", b"count: 5", b"expect", b"$mdl", b"stats.",
    b"pages(", b"~", b"^", b"\xff\xfe", b"\xc3\x28", b"mdl#1", b'"seq": 0', b"null", b"true",
    b" L 7ff,8\n", b"2 zz\n",
]


def mutated(data, rng):
    """A copy of the bytes with one to eight changes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 1:
            del data[at:at + rng.randint(1, 20)]
        elif kind == 2:
            data[at:at] = rng.choice(WORDS)
        elif kind == 3:
            piece = data[at:at + rng.randint(1, 200)]
            there = rng.randrange(len(data) + 1)
            data[there:there] = piece
        elif kind == 4:
            del data[at:]
        else:
            data[at:at + rng.randint(0, 10)] = rng.choice(WORDS)
    return bytes(data)


def command_for(mdlsim, kind, file, original, limit):
    """How an input of that kind is given to the program."""
    if kind == "scenario":
        return [mdlsim, "run", "-q", "--format", "none", str(file)]
    if kind == "trace":
        return [mdlsim, "diff", str(original), str(file)]
    return [mdlsim, "run", "-q", "--format", "none", str(limit)]


def corpus(root):
    """(kind, file) of every input that is small enough to mutate many times."""
    for path in sorted(root.glob("scenarios/**/*.yaml")):
        yield "scenario", path
    for path in sorted(root.glob("traces/**/*.json")):
        if path.stat().st_size < 200000:
            yield "trace", path
    for pattern in ("traces/inputs/*.lackey", "traces/inputs/*.din", "traces/inputs/*.packed"):
        for path in sorted(root.glob(pattern)):
            yield "accesses", path


def run_one(options, folder, rng, files):
    """One mutated input; a sentence when the program misbehaved, else None."""
    kind = rng.choice(["scenario", "scenario", "scenario", "trace", "accesses"])
    candidates = [path for k, path in files if k == kind]
    if not candidates:
        return None
    original = rng.choice(candidates)
    data = original.read_bytes()
    file = folder / ("input" + original.suffix)
    file.write_bytes(mutated(data[:60000] if kind == "accesses" else data, rng))
    wrapper = folder / "replay.yaml"
    wrapper.write_text(f"mdlsim: 1\nname: fuzz\nmachine: {{ram: 64 MiB}}\nprocesses: {{p: {{}}}}\n"
                       f"steps: [replay: {{file: {file.name}}}]\n", encoding="utf-8")
    command = command_for(options.mdlsim, kind, file, original, wrapper)
    try:
        result = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False,
                                cwd=folder, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        if b"repeat" in file.read_bytes():
            return None
        return f"{kind} {original}: no end in {SECONDS} s"
    if result.returncode in ALLOWED:
        return None
    return f"{kind} {original}: exit status {result.returncode}: {result.stderr[-300:]!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mdlsim")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=250)
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    options.mdlsim = str(pathlib.Path(options.mdlsim).resolve())
    options.root = options.root.resolve()
    files = list(corpus(options.root))
    bad = 0
    print("1..1")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for number in range(options.count):
            fault = run_one(options, folder, random.Random(f"{options.seed}:{number}"), files)
            if fault is None:
                continue
            bad += 1
            print(f"# input {number} of seed {options.seed}: {fault}")
            for kept in folder.iterdir():
                (options.keep / f"fuzz-{options.seed}-{number}-{kept.name}").write_bytes(
                    kept.read_bytes())
    print(f"{'not ok' if bad else 'ok'} 1 - {options.count} mutated inputs")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
