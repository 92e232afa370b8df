"""Runs a program that has a known defect: passes when it fails for that reason.

usage: must_fail.py REASON PROGRAM [ARGUMENT...], REASON being a part of what it writes.
"""
import subprocess
import sys


def main():
    reason, command = sys.argv[1], sys.argv[2:]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode(errors='replace')
    if done.returncode == 0:
        print(f'{command}: ended with status 0; the defect was not caught')
    elif reason not in output:
        print(f'{command}: failed with status {done.returncode}, but without "{reason}":\n{output}')
    else:
        return 0
    return 1


if __name__ == '__main__':
    sys.exit(main())
