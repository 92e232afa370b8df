"""The same scenario gives the same bytes wherever and however it is run; TAP.

usage: determinism.py MDLSIM SOURCE_ROOT
"""
import os
import shutil
import subprocess
import sys

import harness
from harness import same

STORIES = ('direct-io-read', 'out-of-system-ptes', 'replay-sort')
LOCALES = ('C', 'C.UTF-8', 'de_DE.UTF-8', 'tr_TR.UTF-8')


def stories(bench):
    """Copies of some stories, and what they replay."""
    root = os.path.abspath(sys.argv[2])
    shutil.copytree(os.path.join(root, 'traces', 'inputs'), bench.path('traces/inputs'))
    os.makedirs(bench.path('scenarios/stories'))
    found = []
    for name in STORIES:
        path = os.path.join('scenarios', 'stories', name + '.yaml')
        shutil.copy(os.path.join(root, path), bench.path(path))
        found.append(path)
    return found


def run(bench, *words, **more):
    """The traces of the stories, by name."""
    folder = bench.path('out')
    shutil.rmtree(folder, ignore_errors=True)
    bench.expect(0, 'run', '-q', '-o', folder + '/', *words, **more)
    return {name: bench.read('out/' + name) for name in bench.names('out')}


def test_twice(bench):
    """Two runs give the same bytes."""
    paths = stories(bench)
    first = run(bench, *paths)
    same(len(first), len(STORIES))
    assert first == run(bench, *paths)


def test_formats(bench):
    """--no-times and --format jsonl are deterministic too."""
    paths = stories(bench)
    for words in (['--no-times'], ['--format', 'jsonl'], ['--detail', 'access']):
        assert run(bench, *words, *paths) == run(bench, *words, *paths), words


def test_folder(bench):
    """The working folder and the way to the scenario do not matter."""
    paths = stories(bench)
    first = run(bench, *paths)
    assert first == run(bench, *[bench.path(path) for path in paths], cwd='/')
    assert first == run(bench, *[os.path.basename(path) for path in paths],
                        cwd=bench.path('scenarios/stories'))
    for name, trace in first.items():
        assert bench.folder.encode() not in trace, name


def test_environment(bench):
    """Locale, time zone and terminal do not matter."""
    paths = stories(bench)
    first = run(bench, *paths)
    for locale in LOCALES:
        other = run(bench, *paths, env={'LC_ALL': locale, 'LANG': locale, 'TZ': 'Asia/Kolkata',
                                        'TERM': 'dumb', 'COLUMNS': '20', 'HOME': '/nowhere'})
        assert first == other, locale


def test_jobs(bench):
    """The number of worker threads does not matter, nor for what is printed."""
    paths = stories(bench)
    first = run(bench, '-j', '1', *paths)
    assert first == run(bench, '-j', '2', *paths)
    assert first == run(bench, '-j', '8', *paths)
    words = ['run', '--json', '--format', 'none', *paths]
    one, two = bench.expect(0, *words, '-j', '1'), bench.expect(0, *words, '-j', '2')
    same((one.stdout, one.stderr), (two.stdout, two.stderr), 'outputs')


def test_random_addresses(bench):
    """Where the system puts the program in memory does not matter (ASLR off)."""
    if shutil.which('setarch') is None:
        raise harness.Skip('there is no setarch')
    path = stories(bench)[0]
    words = [bench.mdlsim, 'run', '-q', '-o', '-', path]
    done = subprocess.run(['setarch', '-R', *words], cwd=bench.folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise harness.Skip('setarch -R is not allowed here')
    same(done.stdout, bench.expect(0, *words[1:]).stdout, 'traces')


def test_standard_input(bench):
    """A scenario from standard input gives the trace of the file but for its name."""
    path = stories(bench)[0]
    from_file = bench.expect(0, 'run', '-q', '-o', '-', path).stdout
    from_input = bench.expect(0, 'run', '-q', '-o', '-', '-', input=bench.read(path)).stdout
    name = f'"{os.path.basename(path)}"'.encode()
    same(from_file.replace(name, b'"stdin"', 1), from_input, 'traces')


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
