#!/usr/bin/env python3
"""What one simulated access that hits the first-level TLB costs the host.

usage: access_cost.py MDLSIM

A million reads of one line, so that all but the first hit; the difference to a thousand of them is
divided by their number. Prints nanoseconds (the best of five runs) and, where valgrind is there,
instructions of the host, which do not depend on its load. Fails when an access takes more than a
fifth above the 341 instructions that it took before there were caches, several processors and
contexts of address spaces in the model (gcc 12, buildtype release), in a build that optimises.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

BEFORE, MANY, FEW = 341, 1000000, 1000
SCENARIO = """mdlsim: 1
name: Hits in the first-level TLB
machine: {{cpu: {{preset: {preset}}}, ram: 64 MiB}}
processes: {{app: {{buffers: {{buf: {{size: 64 KiB, touched: true}}}}}}}}
steps:
  - read: {{address: $buf, length: 64, count: {count}}}
"""


def command(mdlsim, folder, preset, count):
    path = os.path.join(folder, f"{preset}-{count}.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write(SCENARIO.format(preset=preset, count=count))
    return [mdlsim, "run", "--format", "none", path]


def seconds(arguments):
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return best


def instructions(arguments, folder):
    out = os.path.join(folder, "callgrind.out")
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    run = subprocess.run(tool + arguments, check=True, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


def main(mdlsim):
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        for preset in ("unit", "skylake-sp"):
            many, few = (command(mdlsim, folder, preset, n) for n in (MANY, FEW))
            line = f"{preset}: {(seconds(many) - seconds(few)) / (MANY - FEW) * 1e9:.1f} ns"
            if shutil.which("valgrind"):
                cost = (instructions(many, folder) - instructions(few, folder)) / (MANY - FEW)
                line += f", {cost:.0f} instructions, {cost / BEFORE - 1:+.0%} against {BEFORE}"
                status |= BEFORE * 1.2 < cost < BEFORE * 2  # more: a build without optimisation
            print(line)
    return status


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
