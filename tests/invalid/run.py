"""Runs every case of bad input through `mdlsim check` and prints TAP.

usage: run.py [--update] MDLSIM FOLDER [CASE...]

A case is a folder with
  scenario.yaml or generate.py   the input; generate.py writes it to standard output, or makes
                                 scenario.yaml itself (a FIFO, a folder) where it runs
  error                          what standard error must be, to the byte
  arguments                      more arguments, one a line (optional)
  status                         the exit status where it is not 65 (optional)
Each runs in a copy of its folder. Input must be refused within 50 ms of processor time and 32 MiB,
except where MDLSIM_SANITIZED=1 says that the program is built with sanitizers. --update rewrites
the error files.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

CPU_SECONDS_MAX, RESIDENT_KIB_MAX, WALL_SECONDS_MAX, ATTEMPTS = 0.050, 32 * 1024, 30, 20
STATUS_INVALID = 65


class Outcome:
    """What one run gave: exit status (None: killed for taking too long), output, costs."""

    def __init__(self, status, stdout, stderr, usage):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.resident_kib = usage.ru_maxrss


def read(path, default=b''):
    if not os.path.isfile(path):
        return default
    with open(path, 'rb') as file:
        return file.read()


def wait(process):
    """Waits with a deadline: (status or None, resource usage)."""
    deadline = time.monotonic() + WALL_SECONDS_MAX
    late = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return (None if late else process.returncode), usage
        if not late and time.monotonic() > deadline:
            late = True
            process.kill()
        time.sleep(0.001)


def run(command, folder):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # Meson has malloc() fill all that it gives out; that time is none of the program's.
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=err, env={**os.environ, 'MALLOC_PERTURB_': '0'})
        status, usage = wait(process)
        out.seek(0)
        err.seek(0)
        return Outcome(status, out.read(), err.read(), usage)


def prepare(case, folder):
    """Makes the case's input in a copy of its folder."""
    shutil.copytree(case, folder)
    generator = os.path.join(folder, 'generate.py')
    target = os.path.join(folder, 'scenario.yaml')
    if not os.path.exists(generator):
        return
    made = os.path.join(folder, 'generated')
    with open(made, 'wb') as file:
        subprocess.run([sys.executable, generator], cwd=folder, stdout=file, check=True)
    if os.path.lexists(target):
        os.remove(made)
    else:
        os.rename(made, target)


def problems(outcome, case, limited):
    found = []
    expected = int(read(os.path.join(case, 'status'), str(STATUS_INVALID).encode()))
    if outcome.status is None:
        found.append(f'ran for more than {WALL_SECONDS_MAX} s')
    elif outcome.status != expected:
        found.append(f'exit status {outcome.status}, expected {expected}')
    if outcome.stdout:
        found.append('wrote to standard output')
    wanted = read(os.path.join(case, 'error'))
    if not wanted:
        found.append('the file error is missing or empty')
    if outcome.stderr != wanted:
        found.append('standard error differs')
        found += ['expected: ' + line for line in wanted.decode('utf-8', 'replace').splitlines()]
        found += ['found:    ' + line
                  for line in outcome.stderr.decode('utf-8', 'replace').splitlines()]
    if limited and outcome.cpu_seconds > CPU_SECONDS_MAX:
        found.append(f'{outcome.cpu_seconds * 1000:.0f} ms of processor time, at most '
                     f'{CPU_SECONDS_MAX * 1000:.0f}')
    if limited and outcome.resident_kib > RESIDENT_KIB_MAX:
        found.append(f'{outcome.resident_kib} KiB resident, at most {RESIDENT_KIB_MAX}')
    return found


def run_case(case, options, limited):
    """Runs a case; a busy host may need more than one attempt to keep the time."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, 'case')
        prepare(case, folder)
        more = read(os.path.join(case, 'arguments')).decode().splitlines()
        command = [os.path.abspath(options.mdlsim), 'check', *more, 'scenario.yaml']
        outcome = run(command, folder)
        for _ in range(ATTEMPTS - 1):
            if not limited or outcome.cpu_seconds <= CPU_SECONDS_MAX:
                break
            time.sleep(0.1)
            outcome = run(command, folder)
    if options.update and outcome.stderr:
        with open(os.path.join(case, 'error'), 'wb') as file:
            file.write(outcome.stderr)
    return problems(outcome, case, limited)


def main():
    parser = argparse.ArgumentParser(description='Runs the cases of bad input.')
    parser.add_argument('--update', action='store_true', help='rewrite the error files')
    parser.add_argument('mdlsim')
    parser.add_argument('folder')
    parser.add_argument('cases', nargs='*')
    options = parser.parse_args()
    limited = os.environ.get('MDLSIM_SANITIZED') != '1'
    cases = options.cases or sorted(name for name in os.listdir(options.folder)
                                    if os.path.isdir(os.path.join(options.folder, name)))
    print(f'1..{len(cases)}')
    failed = 0
    for number, name in enumerate(cases, 1):
        found = run_case(os.path.join(options.folder, name), options, limited)
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {name}")
        for line in found:
            print(f'# {line}')
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
