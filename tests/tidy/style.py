"""Sizes and habits: short lines, functions and files, flat nesting, no words of unfinished work.

usage: style.py SOURCE_ROOT

Tables (objects at file scope with an initialiser) count neither as functions nor for the length
of their file. tests/tidy/exceptions.txt lists what may break a rule; it only shrinks: an entry
that is not needed any more is an error.
"""
import os
import re
import sys

import csource

LINE_COLUMNS_MAX, FUNCTION_LINES_MAX, FILE_LINES_MAX, NESTING_MAX = 100, 70, 500, 3
EXCEPTIONS = 'tests/tidy/exceptions.txt'
C_FILES = ('.c', '.h', '.def', '.inc')
# Written in two halves, so that this file may stand under its own rule.
BANNED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK|(?i:st' r'ubs?|place' r'holders?|'
                    r'not imple' r'mented|not yet imple' r'mented))\b')
CONTROL = re.compile(r'^( *)(?:\} *)?(?:if|for|while|do|switch)\b(?! *\([^()]*\) *;$)')
WORD_OF_FLOAT = re.compile(r'\b(float|double)\b')
LOCAL_STATIC = re.compile(r'^\s+static\s+(?!inline\b|_Noreturn\b)([^=;{}()]*[^=;{}()\s])\s*[=;]',
                          re.MULTILINE)
OBJECT = re.compile(r'^(?!typedef\b|extern\b|struct\s+\w+$|union\s+\w+$|enum\b)'
                    r'(?:\w+[\s*]+)+\w+\s*(?:\[[^\]]*\]\s*)*$')


class Rules(csource.Report):
    """Findings that an exception may excuse. Its key is (rule, path) or (rule, path, function)."""

    def __init__(self, root):
        super().__init__()
        self.exceptions = {}
        self.used = set()
        path = os.path.join(root, EXCEPTIONS)
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                for number, line in enumerate(file, 1):
                    key = tuple(line.split('#')[0].split())
                    if key:
                        self.exceptions[key] = number

    def broken(self, line, message, *key):
        if key in self.exceptions:
            self.used.add(key)
        else:
            self.error(key[1], line, message)

    def finish(self):
        for key, line in self.exceptions.items():
            if key not in self.used:
                self.error(EXCEPTIONS, line, f"not needed any more: {' '.join(key)}")
        return self.status()


def check_text(rules, path, text):
    for number, line in enumerate(text.split('\n'), 1):
        if len(line) > LINE_COLUMNS_MAX:
            rules.broken(number, f'{len(line)} columns, {LINE_COLUMNS_MAX} at most',
                         'columns', path)
        if '\t' in line:
            rules.error(path, number, 'a tab')
        if line != line.rstrip():
            rules.error(path, number, 'white space at the end of the line')
        word = BANNED.search(line)
        if word:
            rules.error(path, number, f'word of unfinished work: {word.group()}')
    if text and not text.endswith('\n'):
        rules.error(path, text.count('\n') + 1, 'no newline at the end of the file')


def check_nesting(rules, path, item, code_lines):
    for number in range(item.first, item.last + 1):
        found = CONTROL.match(code_lines[number - 1])
        if found and len(found.group(1)) // 4 > NESTING_MAX:
            rules.broken(number, f'nested deeper than {NESTING_MAX} in {item.name}()',
                         'nesting', path, item.name)


def check_function(rules, path, item, code_lines):
    if item.lines > FUNCTION_LINES_MAX:
        rules.broken(item.first, f'{item.name}() has {item.lines} lines, '
                     f'{FUNCTION_LINES_MAX} at most', 'function', path, item.name)
    if item.lines > 1 and not any(line.startswith('{')
                                  for line in code_lines[item.first - 1:item.last]):
        rules.error(path, item.first, f'the opening brace of {item.name}() needs its own line')
    check_nesting(rules, path, item, code_lines)


def is_mutable(declaration):
    """Of `static const char *name[3]`: is the object itself not const?"""
    own = declaration.rsplit('*', 1)[-1]
    return re.search(r'\bconst\b', own) is None


def check_core(rules, path, code, items):
    for item in items:
        declaration = item.head.split('=')[0].strip()
        if item.kind != 'function' and OBJECT.match(declaration) and is_mutable(declaration):
            rules.error(path, item.first, f'the core has no writable globals: {declaration}')
    for found in LOCAL_STATIC.finditer(code):
        if is_mutable(found.group(1)):
            line = csource.line_at(code, found.start(1))
            rules.error(path, line, f'the core has no writable statics: {found.group(1)}')
    for found in WORD_OF_FLOAT.finditer(code):
        rules.error(path, csource.line_at(code, found.start()), 'the core has no floating point')


def check_c(rules, path, text):
    items = csource.items(text)
    code = csource.code_only(text)
    code_lines = code.split('\n')
    for item in items:
        if item.kind == 'function':
            check_function(rules, path, item, code_lines)
    if csource.layer_of(path) in csource.CORE_LAYERS:
        check_core(rules, path, code, items)
    if not text.lstrip().startswith(('/*', '//')):
        rules.error(path, 1, 'the first line must say what the file is')
    table_lines = sum(item.lines for item in items if item.kind == 'table')
    lines = text.count('\n') - table_lines
    if lines > FILE_LINES_MAX and path.endswith(('.c', '.h')):
        rules.broken(1, f'{lines} lines beside tables, {FILE_LINES_MAX} at most', 'file', path)


def main(root):
    rules = Rules(root)
    plain = csource.files(root, ['src', 'tests', '.ci'], ('.py', '.sh', 'meson.build', 'run'))
    plain += [path for path in ('bootstrap', 'meson.build')
              if os.path.exists(os.path.join(root, path))]
    for path in plain:
        text = csource.read(root, path)
        check_text(rules, path, text)
        if path.endswith('.py') and text.count('\n') > FILE_LINES_MAX:
            rules.broken(1, f'more than {FILE_LINES_MAX} lines', 'file', path)
    for path in csource.files(root, ['src', 'tests'], C_FILES):
        text = csource.read(root, path)
        check_text(rules, path, text)
        check_c(rules, path, text)
    return rules.finish()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
