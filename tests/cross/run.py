#!/usr/bin/env python3
"""The same bytes on other processors: other byte orders, word sizes and signs of char.

usage: run.py [--slice] MDLSIM SOURCE FOLDER [ARCHITECTURE...]

For each architecture (default: all of ARCHITECTURES) a root of its libraries is made in FOLDER from
the packages of this machine's own distribution, mdlsim is built against it, and QEMU's user mode
runs it: all stored traces must come out, and a list of commands must print what MDLSIM, this
machine's program, prints. --slice leaves out the long scenarios of scenarios/validation. Prints
TAP. An architecture whose compiler or packages are not to be had is skipped, saying so. Needs
Debian's packages qemu-user-static and, by architecture, gcc-TRIPLET.
"""
import glob
import os
import shutil
import subprocess
import sys

# Debian's name: (GNU triplet, folder of libraries, QEMU, Meson's family, byte order)
ARCHITECTURES = {
    's390x': ('s390x-linux-gnu', 's390x-linux-gnu', 's390x', 's390x', 'big'),
    'arm64': ('aarch64-linux-gnu', 'aarch64-linux-gnu', 'aarch64', 'aarch64', 'little'),
    'armhf': ('arm-linux-gnueabihf', 'arm-linux-gnueabihf', 'arm', 'arm', 'little'),
    'i386': ('i686-linux-gnu', 'i386-linux-gnu', 'i386', 'x86', 'little'),
}
LIBRARIES = ['libc6-dev', 'libyaml-dev', 'libjansson-dev', 'zlib1g-dev', 'liblzma-dev',
             'libzstd-dev']
CROSS_FILE = """[binaries]
c = '{triplet}-gcc'
ar = '{triplet}-ar'
strip = '{triplet}-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['{qemu}', '-L', '{root}']
[properties]
sys_root = '{root}'
pkg_config_libdir = '{root}/usr/lib/{libraries}/pkgconfig'
[built-in options]
c_args = ['--sysroot={root}']
c_link_args = ['--sysroot={root}']
[host_machine]
system = 'linux'
cpu_family = '{family}'
cpu = '{family}'
endian = '{endian}'
"""


class Missing(Exception):
    """What is needed and not to be had here."""


def quiet(words, **more):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', check=False,
                          **more)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(words[:4])} ...: status {done.returncode}\n{done.stdout}')


def make_root(architecture, folder):
    """Unpacks the libraries' packages into FOLDER/root; apt works in FOLDER alone."""
    root = os.path.join(folder, 'root')
    if os.path.isdir(root):
        return root
    state = os.path.join(folder, 'apt')
    for part in ('lists/partial', 'cache/archives/partial'):
        os.makedirs(os.path.join(state, part), exist_ok=True)
    open(os.path.join(state, 'status'), 'w', encoding='ascii').close()
    apt = ['apt-get', '-q', '-o', f'Dir::State={state}', '-o', f'Dir::State::status={state}/status',
           '-o', f'Dir::Cache={state}/cache', '-o', f'APT::Architecture={architecture}',
           '-o', f'APT::Architectures::={architecture}']
    subprocess.run(apt + ['update'], capture_output=True, check=False)  # old lists may do
    try:
        quiet(apt + ['-y', '--no-install-recommends', '--download-only', 'install'] + LIBRARIES)
    except RuntimeError as error:
        raise Missing(f'the libraries of {architecture}: {error}') from error
    for package in sorted(glob.glob(f'{state}/cache/archives/*.deb')):
        quiet(['dpkg-deb', '-x', package, root + '.part'])
    os.rename(root + '.part', root)
    shutil.rmtree(state)
    return root


def build(architecture, source, folder):
    """The words that run the program of that architecture."""
    triplet, libraries, emulated, family, endian = ARCHITECTURES[architecture]
    qemu = shutil.which(f'qemu-{emulated}-static') or shutil.which(f'qemu-{emulated}')
    if qemu is None:
        raise Missing(f'qemu-{emulated}-static')
    if shutil.which(f'{triplet}-gcc') is None:
        raise Missing(f'{triplet}-gcc')
    os.makedirs(folder, exist_ok=True)
    root = make_root(architecture, folder)
    place = os.path.join(folder, 'build')
    if not os.path.exists(os.path.join(place, 'build.ninja')):
        cross = os.path.join(folder, 'cross.ini')
        with open(cross, 'w', encoding='utf-8') as file:
            file.write(CROSS_FILE.format(triplet=triplet, libraries=libraries, qemu=qemu, root=root,
                                         family=family, endian=endian))
        quiet(['meson', 'setup', '--buildtype=release', '-Db_ndebug=false', '--cross-file', cross,
               place, source])
    quiet(['ninja', '-C', place, 'mdlsim'])
    return [qemu, '-L', root, os.path.join(place, 'mdlsim')]


def commands(source):
    """Commands whose output must not depend on the processor, and how they end, by name."""
    invalid = sorted(glob.glob(f'{source}/tests/invalid/*/scenario.yaml'))
    trace = f'{source}/traces/inputs/join.packed'
    story = f'{source}/scenarios/stories/direct-io-read.yaml'
    found = {
        'messages about invalid scenarios': (65, ['check', *invalid]),
        'dumped memory': (0, ['run', story, '-q', '-o', '/dev/null', '--dump-memory', '-']),
        'a trace as jsonl': (0, ['run', story, '-q', '-o', '-', '--format', 'jsonl']),
        'schema': (0, ['schema', 'scenario']),
    }
    for format in ('lackey', 'csv'):
        found[f'packed to {format}'] = 0, ['import', trace, '-q', '--to', format, '-o', '-']
    return found


def output(words, standard_input=b''):
    done = subprocess.run(words, input=standard_input, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def checks(program, native, source, folders):
    """Yields (name, whether it is so)."""
    for folder in folders:
        status, _, errors = output(program + ['verify', f'{source}/scenarios/{folder}', '-j', '2'])
        yield f'stored traces of scenarios/{folder}', status == 0
        if status != 0:
            print(errors.decode(errors='replace'), file=sys.stderr)
    for name, (status, words) in commands(source).items():
        wanted = output([native] + words)
        yield name, wanted[0] == status and output(program + words) == wanted
    text = output([native, 'import', f'{source}/traces/inputs/join.packed', '-q', '--to', 'lackey',
                   '-o', '-'])[1]
    packed = [output(p + ['import', '-', '-q', '-o', '-'], text) for p in (program, [native])]
    yield 'lackey to packed', packed[0] == packed[1] and packed[0][0] == 0


def main():
    words = [word for word in sys.argv[1:] if word != '--slice']
    native, source, folder = map(os.path.abspath, words[:3])
    folders = sorted(os.listdir(os.path.join(source, 'scenarios')))
    if '--slice' in sys.argv:
        folders.remove('validation')
    number, failed = 0, False
    for architecture in words[3:] or ARCHITECTURES:
        try:
            program = build(architecture, source, os.path.join(folder, architecture))
            results = checks(program, native, source, folders)
        except Missing as missing:
            number += 1
            print(f'ok {number} - {architecture} # SKIP there is no {missing}'.replace('\n', ' '))
            continue
        for name, so in results:
            number += 1
            failed = failed or not so
            print(f'{"ok" if so else "not ok"} {number} - {architecture}: {name}', flush=True)
    print(f'1..{number}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
