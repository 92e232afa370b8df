"""The tidy tests can fail: each rule meets a small tree that keeps it and one that breaks it.

usage: selftest.py COMPILER...
"""
import contextlib
import io
import os
import subprocess
import sys
import tempfile

import charge
import commits
import layers
import lists
import purity
import style

CLEAN = {
    'src/base/a.h': '/* A. */\n#pragma once\n\n#include <stdint.h>\n\nint a(int x);\n',
    'src/base/a.c': '/* A. */\n#include "base/a.h"\n\n#include <string.h>\n\n'
                    'static const char *const names[] = { "TO" "DO", "b" };\n\n'
                    'int a(int x)\n{\n    return x + (int)strlen(names[0]);\n}\n',
    'src/base/meson.build': "base_sources = files('a.c') # a's\n",
    'src/nt/r.c': '/* R. */\nconst struct routine R = { .name = "R" };\n\n'
                  'static void f(struct hw *hw, enum cost cost)\n{\n'
                  '    charge(hw, COST_X, 1);\n'
                  '    charge(hw, hw->x ? COST_X : COST_Y, 1);\n'
                  '    charge(hw, cost, g(1, 2));\n}\n',
    'src/nt/routines.def': '/* Names. */\nROUTINE(R)\n',
    'src/nt/meson.build': "nt_sources = files('r.c')\n",
    'src/trace/t.c': '/* T. */\n#include "nt/r.h"\n\n#include <jansson.h>\n\n'
                     '#include <stdio.h>\n',
    'src/trace/meson.build': "trace_sources = files('t.c')\n",
    'scenarios/s.yaml': '', 'traces/s.json': '', 'traces/inputs/x.json': '',
    'scenarios/a/fragments/f.yaml': '',
}
FUNCTION = '/* B. */\nint b(int x)\n{\n%s    return x;\n}\n'
TABLE = '/* B. */\nconst int b[] = {\n%s};\n'

# (rule, file, its text, part of the message); no text removes the file.
BREACHES = [
    (layers, 'src/base/b.c', '/* B. */\n#include "nt/r.h"\n', 'must not include nt'),
    (layers, 'src/trace/b.c', '/* B. */\n#include "replay/r.h"\n', 'must not include replay'),
    (layers, 'src/base/b.c', '/* B. */\n#include "a.h"\n', 'by its path'),
    (layers, 'src/trace/b.c', '/* B. */\n#include <yaml.h>\n', 'belongs to scenario'),
    (layers, 'src/cli/b.c', '/* B. */\n#include <jansson.h>\n', 'belongs to trace'),
    (layers, 'src/mm/b.c', '/* B. */\n#include <stdio.h>\n', 'core must not include'),
    (layers, 'src/base/a.c', '/* A. */\n#include "base/z.h"\n#include "base/a.h"\n', 'own header'),
    (layers, 'src/cli/b.c', '/* B. */\n#include <stdio.h>\n#include "base/a.h"\n',
     'after a system'),
    (layers, 'src/base/b.h', '/* B. */\n', 'pragma once'),
    (layers, 'src/other/b.c', '/* B. */\n', 'no layer'),
    (style, 'src/cli/b.c', '/* ' + 'b' * 98 + ' */\n', '104 columns'),
    (style, 'src/cli/b.c', '/* B. */\n\tint b;\n', 'a tab'),
    (style, 'src/cli/b.c', '/* B. */ \n', 'white space'),
    (style, 'src/cli/b.c', '/* TO' 'DO */\n', 'unfinished'),
    (style, 'src/cli/b.c', '/* A Stu' 'b. */\n', 'unfinished'),
    (style, 'src/cli/b.c', '/* B. */', 'no newline'),
    (style, 'src/cli/b.c', '\n#include "x.h"\n', 'first line'),
    (style, 'src/cli/b.c', FUNCTION % ('    x++;\n' * 67), 'b() has 71 lines'),
    (style, 'src/cli/b.c', '/* B. */\nint b(int x) {\n    return x;\n}\n', 'its own line'),
    (style, 'src/cli/b.c', FUNCTION % (' ' * 16 + 'if (x) {\n' + ' ' * 16 + '}\n'), 'nested'),
    (style, 'src/cli/b.c', '/* B. */\n' + 'int b;\n' * 500, '501 lines'),
    (style, 'src/mm/b.c', '/* B. */\nstatic const char *b[2];\n', 'no writable globals'),
    (style, 'src/mm/b.c', '/* B. */\nint b = 1;\n', 'no writable globals'),
    (style, 'src/mm/b.c', FUNCTION % '    static int y = 1;\n', 'no writable statics'),
    (style, 'src/mm/b.c', FUNCTION % '    double y = 1;\n', 'floating point'),
    (style, 'tests/tidy/exceptions.txt', 'file src/base/a.c\n', 'not needed any more'),
    (charge, 'src/mm/b.c', FUNCTION % '    charge(hw, 12, x);\n', 'charged is 12'),
    (charge, 'src/mm/b.c', FUNCTION % '    charge(hw, x ? COST_A : 3, x);\n', 'charged is x ?'),
    (charge, 'src/mm/b.c', FUNCTION % '    hw_charge(hw, p->price, x);\n', 'charged is p->price'),
    (lists, 'src/nt/routines.def', '/* Names. */\n', 'R is not listed'),
    (lists, 'src/nt/routines.def', '/* N. */\nROUTINE(R)\nROUTINE(R)\n', 'listed twice'),
    (lists, 'src/nt/routines.def', '/* N. */\nROUTINE(R)\nROUTINE(Q)\n', 'defined nowhere'),
    (lists, 'scenarios/a/b.yaml', '', 'no golden trace'),
    (lists, 'traces/a/b.json', '', 'no scenario'),
    (lists, 'src/base/b.c', '/* B. */\n', 'not listed in'),
    (lists, 'src/nt/meson.build', None, 'is missing'),
]
# What must not be an error.
KEPT = [
    (style, 'src/cli/b.c', FUNCTION % ('    x++;\n' * 66)),
    (style, 'src/cli/b.c', TABLE % ('    1,\n' * 600)),
    (style, 'src/mm/b.c', FUNCTION % '    static const int y = 1;\n'),
    (style, 'src/mm/b.c', '/* B. */\nstruct b;\nstruct c {\n    int *x;\n};\nint d(int *x);\n'
                          'typedef struct c c_t;\nenum { E };\nextern const int e;\n'),
]
SUBJECTS = [('pfn: take and give', ''), ('Take a frame', 'not `area'), ('pfn: take.', 'not `area'),
            ('pfn: ' + 'x' * 56, '61 characters')]
OBJECTS = [('int f(void *d) { __builtin_memset(d, 1, 100); return 1; }', ''),
           ('static const char *const t[] = { "a" }; const void *f(int i) { return t + i; }', ''),
           ('int putchar(int); int f(void) { return putchar(1); }', 'must not use putchar'),
           ('int n; int f(void) { return n++; }', 'n in .bss'),
           ('int f(void) { static int n = 1; return n++; }', 'can be written')]


def write_tree(root, tree):
    for path, text in tree.items():
        if text is not None:
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                file.write(text)


def run(rule, argument):
    """(status, what it printed)"""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = rule.main(argument)
    return status, output.getvalue()


def run_on_tree(rule, changes):
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, {**CLEAN, **changes})
        return run(rule, root)


def run_purity(compiler, code, options):
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, 'x.o')
        subprocess.run([*compiler, *options, '-x', 'c', '-c', '-o', made, '-'], input=code,
                       text=True, check=True)
        archive = os.path.join(folder, 'x.a')
        subprocess.run(['ar', 'csrDT', archive, made], check=True, stderr=subprocess.DEVNULL)
        return run(purity, archive)


def run_commits(subject):
    with tempfile.TemporaryDirectory() as root:
        identity = ['-c', 'user.name=n', '-c', 'user.email=e', '-c', 'commit.gpgsign=false']
        subprocess.run(['git', 'init', '-q', root], check=True, capture_output=True)
        subprocess.run(['git', '-C', root, *identity, 'commit', '-q', '--allow-empty', '-m',
                        subject], check=True, capture_output=True)
        return run(commits, root)


def outcomes(compiler):
    """(what, expected part of the message or '' for none, status, output)"""
    for rule in (layers, style, charge, lists, commits):
        yield f'{rule.__name__} on a clean tree', '', *run_on_tree(rule, {})
    for rule, path, text, message in BREACHES:
        yield f'{rule.__name__}: {message}', message, *run_on_tree(rule, {path: text})
    for rule, path, text in KEPT:
        yield f'{rule.__name__}: {text[:40]!r}', '', *run_on_tree(rule, {path: text})
    for code, message in OBJECTS:
        for options in (['-O0'], ['-O2', '-fPIE']):
            yield f'purity: {code} {options}', message, *run_purity(compiler, code, options)
    if commits.git('.', 'version') is not None:
        for subject, message in SUBJECTS:
            yield f'commits: {subject}', message, *run_commits(subject)


def main(compiler):
    wrong = 0
    for what, message, status, output in outcomes(compiler):
        if (status != 0) != bool(message) or message not in output:
            wrong += 1
            print(f'{what}: status {status}, printed:\n{output}')
    print(f'{wrong} rules do not do what they say')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
