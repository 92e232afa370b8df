#!/usr/bin/env python3
"""Replays, and steps of many accesses, give the same trace, to the byte, with and without what
makes them fast, and replays from text and from packed segments; TAP.

fast_paths.py MDLSIM SOURCE_ROOT: made-up traces with every kind of record, straddles, pages that
are touched for the first time and addresses that end in an exception, on small and odd geometries
of TLBs, in phases, after a warm-up, in a buffer, and beside calls that flush; and the stored ones.
Made-up strides over memory of all kinds: small and large pages, read-only and not yet touched,
mapped twice, mapped no more, of a device, where nothing is.
"""
import pathlib
import random
import subprocess
import sys
import tempfile
import textwrap

TLBS = [
    "{}",
    "{l1d: {4 KiB: {entries: 4, ways: 2, policy: lru}}, l2: {entries: 12, ways: 3}}",
    "{l1d: {4 KiB: {entries: 1, ways: 1}}, l1i: {4 KiB: {entries: 2, ways: 2}}, l2: none}",
    "{l1d: {entries: 6, ways: 3, policy: lru, pages: [4 KiB, 2 MiB]}, l2: {entries: 8, ways: 4}}",
    "{l1d: {4 KiB: {entries: 8, ways: 4, policy: plru}}}",
    "{l1d: {4 KiB: {entries: 8, ways: 4, policy: fifo}}, "
    "l2: {entries: 16, ways: 4, policy: random}}",
    "{l1d: {4 KiB: {entries: 40, ways: full}}, l2: {entries: 64, ways: full}}",
    "{l1d: {4 KiB: {entries: 256, ways: 8, policy: lru}}, l1i: {4 KiB: {entries: 64, ways: 4}}}",
    "{l1d: {4 KiB: {entries: 64, ways: 4}, index: hash}, l2: {entries: 96, ways: 6, index: hash}}",
    "{l1d: {4 KiB: {entries: 80, ways: 5}}, l1i: {4 KiB: {entries: 64, ways: 4}}, "
    "l2i: {entries: 128, ways: 4, pages: [4 KiB]}}",
]
PRESETS = ["skylake-sp", "zen3", "ice-lake-sp", "unit"]
CONTEXTS = ["", ", kpti: true", ", kpti: true, pcid: false", ", pcid: true"]
HEAD = """mdlsim: 1
name: replay
machine: {{os: windows-10, ram: 2 GiB, cpu: {{preset: {preset}, tlb: {tlb}{context}}}}}
processes:
  p:
    buffers:
      b: {{size: 256 KiB, at: 0x3F0000}}
      c: {{size: 64 KiB, at: 0x800000, protect: PAGE_READONLY}}
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
            "", "", f", limit: {rng.randrange(1, 5000)}", ", only: data", ", only: instruction",
            f", skip: {rng.randrange(300)}, warm_up: {rng.randrange(400)}",
            ", phases: [{name: a, count: 100}, {name: b, count: 333}, {name: rest}]",
            ", buffer: $b, only: data", ", buffer: $c, only: data",
            ", buffer: $b, address_base: 0x10000, only: data", ", address_base: 0x7FFFFFE00000",
            ", process: q", ", process: q, pages: 2 MiB",
            ", process: q, pages: thp", ", process: q, pages: 1 GiB"])
        replay = (f"replay: {{file: {rng.choice(traces)}, format: lackey{extra}}}",
                  "expect: {raises: [STATUS_ACCESS_VIOLATION, none]}")
        if rng.random() < .3:  # goes on behind the exception
            chosen.append(f"  - repeat: {{count: 3, do: [{{{replay[0]}, {replay[1]}}}]}}\n")
        else:
            chosen.append(f"  - {replay[0]}\n    {replay[1]}\n")
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


STRIDES = """mdlsim: 1
name: strides
machine:
  os: windows-10
  ram: 2 GiB
  cpu: {{preset: {preset}, tlb: {tlb}{context}}}
  devices: {{d: {{bars: [{{base: 0xFD000000, size: 64 KiB}}]}}}}
mm: {{large_pages: {large}, pte_flush: {flush}}}
processes:
  p:
    buffers:
      b: {{size: 256 KiB}}
      c: {{size: 64 KiB, protect: PAGE_READONLY}}
      e: {{size: 4 MiB, pages: 2 MiB}}
steps:
  - IoAllocateMdl: [$b, 64 KiB]
    as: mdl
  - MmProbeAndLockPages: [$mdl, UserMode, IoReadAccess]
  - MmGetSystemAddressForMdlSafe: [$mdl, NormalPagePriority]
    as: va
  - MmMapIoSpace: ["bar($d, 0)", 64 KiB, {cache}]
    as: io
  - repeat:
      count: 3
      do:
{nested}
  - MmUnmapLockedPages: [$va, $mdl]
{strides}
  - MmUnlockPages: [$mdl]
"""
PLACES = [("$b", 1 << 18), ("$b", 1 << 18), ("$c", 1 << 16), ("$e", 4 << 20), ("$va", 1 << 16),
          ("$va", 1 << 16), ("$io", 1 << 16), ("0x7FFFFFFE0000", 1 << 17),
          ("$b + 128 KiB", 1 << 17)]


def strides(rng):
    """Steps that go through memory, most of them inside of it."""
    lines = []
    for _ in range(8):
        name, room = rng.choice(PLACES)
        size = rng.choice([1, 4, 8, 8, 8, 64, 100, 4096])
        step = rng.choice([8, 64, 64, 100, 4096, 4096, 4096, 4160, 65536 + 4096])
        length = max(size, rng.randrange(1, room) // size * size)
        start = rng.choice([0, 0, 8, 60, 4092]) if length + 4092 <= room else 0
        count = rng.choice(["", f", count: {rng.randrange(1, 3000)}"])
        mode = rng.choice(["", ", mode: user"]) if "va" not in name and "io" not in name else ""
        kind = rng.choice(["read", "read", "write", "execute" if "user" in mode else "write"])
        lines.append(f"  - {kind}: {{address: {name} + {start}, length: {length}, size: {size}, "
                     f"stride: {step}{count}{mode}}}\n"
                     "    expect: {raises: [STATUS_ACCESS_VIOLATION, none]}\n")
    return "".join(lines)


def stride_cases(rng, folder):
    for number in range(60):
        path, text = folder / f"stride-{number}.yaml", strides(rng)
        path.write_text(STRIDES.format(
            preset=rng.choice(PRESETS), tlb=TLBS[number % len(TLBS)], context=rng.choice(CONTEXTS),
            large=rng.choice(["true", "false"]), flush=rng.choice(["deferred", "immediate"]),
            cache=rng.choice(["MmCached", "MmNonCached", "MmWriteCombined"]),
            strides=text, nested=textwrap.indent(text, "      ")), encoding="utf-8")
        yield path


SIDE_BY_SIDE = """mdlsim: 1
name: side by side
machine: {{os: windows-10, ram: 2 GiB, cpu: {{preset: {preset}, count: 2, tlb: {tlb}{context}}}}}
processes: {{p: {{buffers: {{b: {{size: 256 KiB, at: 0x3F0000}}}}}}, q: {{}}}}
threads:
  t:
    process: p
    cpu: 0
    steps:
      - replay: {{file: {one}, format: lackey, limit: 1400}}
        expect: {{raises: [STATUS_ACCESS_VIOLATION, none]}}
  u:
    process: {process}
    cpu: 1
    steps:
      - replay: {{file: {two}, format: lackey, limit: 1400, pages: {pages}}}
        expect: {{raises: [STATUS_ACCESS_VIOLATION, none]}}
      - ZwProtectVirtualMemory:
          {{BaseAddress: $b, RegionSize: 64 KiB, NewProtect: PAGE_READONLY}}
      - read: {{address: $b, length: 256 KiB, stride: 4 KiB, count: 500}}
"""


def side_cases(rng, folder, traces):
    """Two processors, which share a process or do not."""
    for number in range(16):
        path = folder / f"side-{number}.yaml"
        one, two = rng.sample(traces[::2], 2)
        path.write_text(SIDE_BY_SIDE.format(
            preset=rng.choice(PRESETS), tlb=TLBS[number % len(TLBS)], context=rng.choice(CONTEXTS),
            one=one, two=two, process=rng.choice("pq"),
            pages=rng.choice(["4 KiB", "2 MiB", "thp"])), encoding="utf-8")
        yield path


LONG = """mdlsim: 1
name: long
machine: {{os: windows-10, ram: 2 GiB, cpu: {{preset: skylake-sp}}}}
processes: {{p: {{}}}}
steps:
  - replay: {{file: long.lackey, {0}}}
  - replay: {{file: long.lackey, {0}}}
"""


def long_cases(rng, folder):
    """Of a trace that is long enough for a thread that parses, with bad lines far behind."""
    lines = made(rng, 150000, False).splitlines(keepends=True)
    lines[90000] = lines[140000] = "no record\n"
    (folder / "long.lackey").write_text("".join(lines), encoding="ascii")
    for number, words in enumerate(("limit: 80000", "on_error: skip", "only: data",
                                    "skip: 70000, on_error: skip, limit: 30000")):
        path = folder / f"long-{number}.yaml"
        path.write_text(LONG.format(words), encoding="utf-8")
        yield path


def packed(text):
    """The same scenario from packed traces."""
    return text.replace(".lackey,", ".packed,").replace("format: lackey", "format: packed")


def shown(output, scenario):
    """What it says, whatever the traces and the scenario are called."""
    text = output.decode().replace(".packed", ".lackey").replace('"packed"', '"lackey"')
    lines = text.replace(scenario.name, "").splitlines()
    return [line for line in lines if "sha256" not in line]


def compare(mdlsim, scenario):
    """What went wrong, as lines, and what it prints."""
    fast, slow = trace(mdlsim, scenario, []), trace(mdlsim, scenario, ["--no-fast-paths"])
    inline = trace(mdlsim, scenario, ["--no-threads"])
    if inline != fast:
        return ["--no-threads: " + inline[1].decode()], fast
    if not fast[0] and not scenario.name.startswith("long"):
        return [fast[1].decode()], fast
    pairs = zip(fast[0].splitlines(), slow[0].splitlines())
    wrong = [f"fast {one.decode()}\nslow {two.decode()}" for one, two in pairs if one != two]
    return wrong[:3] if wrong or fast == slow else ["of another length"], fast


def check(mdlsim, scenario):
    wrong, fast = compare(mdlsim, scenario)
    twin = scenario.with_suffix(".packed.yaml")
    if wrong or not scenario.name.startswith("made"):
        return wrong
    twin.write_text(packed(scenario.read_text(encoding="utf-8")), encoding="utf-8")
    wrong, segments = compare(mdlsim, twin)
    pairs = list(zip(shown(fast[0], scenario), shown(segments[0], twin)))
    return wrong + [f"text {a}\nsegments {b}" for a, b in pairs if a != b][:3]


def main():
    mdlsim, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
    rng = random.Random(7)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        traces = []
        for number, count in enumerate((1500, 1500, 1500, 5000, 5000)):
            traces.append(f"made-{number}.lackey")
            (folder / traces[-1]).write_text(made(rng, count, number % 2 == 1), encoding="ascii")
            subprocess.run([mdlsim, "import", "-q", traces[-1], "-o", f"made-{number}.packed"],
                           cwd=folder, check=True)
        cases = []
        for number in range(80):
            cases.append(folder / f"made-{number}.yaml")
            head = HEAD.format(preset=rng.choice(PRESETS), tlb=TLBS[number % len(TLBS)],
                               context=rng.choice(CONTEXTS))
            cases[-1].write_text(head + steps(rng, traces), encoding="utf-8")
        cases += long_cases(rng, folder)
        cases += stride_cases(rng, folder)
        cases += side_cases(rng, folder, traces)
        cases += sorted(path for path in (root / "scenarios").rglob("*replay*.yaml"))
        print(f"1..{len(cases)}")
        for number, scenario in enumerate(cases, 1):
            wrong = check(mdlsim, scenario)
            bad += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {scenario.name}")
            for line in wrong:
                print("#", line.replace("\n", "\n# "))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
