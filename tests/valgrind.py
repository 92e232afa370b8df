#!/usr/bin/env python3
"""Runs the program under valgrind's memcheck: no invalid access, nothing uninitialised, no leak."""
import pathlib
import subprocess
import sys
import tempfile

CASES = [
    (0, ["run", "scenarios/stories/direct-io-read.yaml", "-o", "out.json"]),
    (0, ["run", "scenarios/stories/replay-sort.yaml", "--format", "none"]),
    (0, ["run", "scenarios/stories/out-of-system-ptes.yaml", "--format", "jsonl", "-o", "-"]),
    (0, ["diff", "traces/stories/direct-io-read.json", "traces/stories/direct-io-read.json"]),
    (1, ["diff", "traces/stories/direct-io-read.json", "traces/stories/ioctl-neither.json"]),
    (65, ["check", "tests/invalid/document_duplicate_keys/scenario.yaml"]),
    (0, ["explain", "MmUnlockPages"]),
]


def main():
    mdlsim, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    bad = 0
    print(f"1..{len(CASES)}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (status, words) in enumerate(CASES, 1):
            words = [str(root / w) if (root / w).is_file() else w for w in words]
            result = subprocess.run(
                ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
                 "--errors-for-leak-kinds=definite,possible", str(mdlsim)] + words,
                cwd=folder, capture_output=True, check=False, stdin=subprocess.DEVNULL)
            fine = result.returncode == status
            bad += not fine
            print(f"{'ok' if fine else 'not ok'} {number} - {words[0]} {words[1].split('/')[-1]}")
            if not fine:
                print(f"# exit status {result.returncode}, expected {status}")
                for line in result.stderr.decode(errors="replace").splitlines()[:30]:
                    print(f"# {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
