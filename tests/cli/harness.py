"""What the tests of the command line share: scenarios, running mdlsim, and TAP.

A test script has functions named test_*, each with one parameter of class Bench; main() runs them
in the order of the file, each in a folder of its own. The docstring names the test.
"""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

USAGE, DATA, NO_INPUT, SOFTWARE, CANNOT_CREATE, IO, TEMPORARY = 64, 65, 66, 70, 73, 74, 75
TIMEOUT_SECONDS = 120

GOOD = '''mdlsim: 1
name: An MDL made and freed
machine: {os: windows-10, cpu: {preset: unit}, ram: 64 MiB}
steps:
  - IoAllocateMdl: {VirtualAddress: 0x10123, Length: 64 KiB}
    as: mdl
  - IoFreeMdl: {Mdl: $mdl}
'''
LEAKING = GOOD.replace('  - IoFreeMdl: {Mdl: $mdl}\n', '')
NEGATIVE = GOOD + 'checks:\n  - stats.objects.mdls.peak == 2\n'
INVALID = GOOD.replace('IoAllocateMdl', 'IoAllocateMDL')


def rounds(count, name):
    """A scenario that makes and frees an MDL so many times."""
    return f'''mdlsim: 1
name: {name}
machine: {{os: windows-10, cpu: {{preset: unit}}, ram: 64 MiB}}
steps:
  - repeat:
      count: {count}
      do:
        - IoAllocateMdl: {{VirtualAddress: 0x10123, Length: 64 KiB}}
          as: mdl
        - IoFreeMdl: {{Mdl: $mdl}}
'''


LONG = rounds(4000000000, 'A run that takes minutes')


class Skip(Exception):
    """Raised by a test that cannot run here; the argument says why."""


class Bench:
    """A folder to work in, and mdlsim."""

    def __init__(self, mdlsim, folder):
        self.mdlsim, self.folder = mdlsim, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return name

    def read(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read()

    def names(self, name='.'):
        return sorted(os.listdir(self.path(name)))

    def run(self, *words, env=None, cwd=None, **more):
        """Runs mdlsim; standard input is empty and both outputs are kept, unless said otherwise."""
        more.setdefault('stdout', subprocess.PIPE)
        more.setdefault('stderr', subprocess.PIPE)
        if 'input' not in more:
            more.setdefault('stdin', subprocess.DEVNULL)
        return subprocess.run([self.mdlsim, *words], cwd=cwd or self.folder, check=False,
                              timeout=TIMEOUT_SECONDS, env={**os.environ, **(env or {})}, **more)

    def start(self, *words, **more):
        return subprocess.Popen([self.mdlsim, *words], cwd=self.folder,
                                stdin=more.get('stdin', subprocess.DEVNULL),
                                stdout=more.get('stdout', subprocess.PIPE), stderr=subprocess.PIPE)

    def expect(self, status, *words, says=None, **more):
        """Runs, and asserts the exit status and a part of standard error."""
        done = self.run(*words, **more)
        errors = (done.stderr or b'').decode('utf-8', 'replace')
        shown = f'mdlsim {" ".join(words)}: status {done.returncode}, expected {status}\n{errors}'
        assert done.returncode == status, shown
        assert 'internal error' not in errors and 'Sanitizer' not in errors, errors
        if says is not None:
            assert says in errors, f'{says!r} is not in:\n{errors}'
        return done


def same(left, right, what='values'):
    assert left == right, f'{what} differ: {left!r} and {right!r}'


def died_of(status, number):
    assert status == -number, f'status {status}, expected death of {signal.Signals(number).name}'


def wait_for_file(bench, name):
    """Until the run has begun to write."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not os.path.exists(bench.path(name)) or os.path.getsize(bench.path(name)) == 0:
        assert time.monotonic() < deadline, f'{name} did not appear: {bench.names()}'
        time.sleep(0.01)


@contextlib.contextmanager
def without_write_permission(folder):
    mode = os.stat(folder).st_mode
    os.chmod(folder, 0o555)
    try:
        yield
    finally:
        os.chmod(folder, mode)


def run_test(function, mdlsim):
    """(line after the number, diagnostics)"""
    name = (function.__doc__ or function.__name__).split('\n')[0].rstrip('.').replace('#', '')
    try:
        with tempfile.TemporaryDirectory() as folder:
            function(Bench(mdlsim, folder))
    except Skip as reason:
        return 'ok', f'{name} # SKIP {reason}', ''
    except Exception:  # pylint: disable=broad-except
        return 'not ok', name, traceback.format_exc()
    return 'ok', name, ''


def heed_signals():
    """Whoever runs the tests may ignore them, as nohup does, and what they start would, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def main(tests):
    """Runs the test_* functions among `tests` (a module's globals)."""
    heed_signals()
    mdlsim = os.path.abspath(sys.argv[1])
    functions = [value for key, value in tests.items() if key.startswith('test_')]
    print(f'1..{len(functions)}')
    failed = 0
    for number, function in enumerate(functions, 1):
        result, name, lines = run_test(function, mdlsim)
        failed += result != 'ok'
        print(f'{result} {number} - {name}')
        for line in lines.splitlines():
            print(f'# {line}')
        sys.stdout.flush()
    return 1 if failed else 0
