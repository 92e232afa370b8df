#!/usr/bin/env python3
"""Every scenario, with every invariant of the model checked after each of its steps."""
import pathlib
import subprocess
import sys


def main():
    mdlsim, root = sys.argv[1], pathlib.Path(sys.argv[2])
    files = sorted(str(p) for p in root.glob("scenarios/**/*.yaml") if "fragments" not in p.parts)
    print("1..1")
    result = subprocess.run(
        [mdlsim, "run", "--self-check", "--format", "none", "-q", "-j2"] + files,
        capture_output=True, check=False, stdin=subprocess.DEVNULL)
    fine = result.returncode == 0 and len(files) > 0
    print(f"{'ok' if fine else 'not ok'} 1 - {len(files)} scenarios checked after each step")
    for line in result.stderr.decode(errors="replace").splitlines()[:20]:
        print(f"# {line}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
