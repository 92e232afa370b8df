"""What the tidy tests know of C: comments, strings, includes, and the items of a file."""
import os
import re

CORE_LAYERS = ('base', 'model', 'mm', 'nt', 'sim')
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.MULTILINE)


class Item:
    """One item at file scope: kind is 'function', 'table' (an object with an initialiser in
    braces) or 'other'; lines are 1-based and include both ends; head is the text before the
    first brace of a function, and all but what is in braces otherwise."""

    def __init__(self, kind, head, first, last):
        self.kind, self.head, self.first, self.last = kind, head, first, last

    @property
    def lines(self):
        return self.last - self.first + 1

    @property
    def name(self):
        """Of a function; Test(suite, name) of Criterion keeps its arguments."""
        called = re.search(r'\w+\s*\(\s*\w+\s*,\s*\w+[^*]*\)\s*$', self.head)
        if called and re.match(r'(Test|Theory)\b', called.group()):
            return re.sub(r'\W+', '_', called.group()).strip('_')
        found = re.search(r'(\w+)\s*\(', self.head)
        return found.group(1) if found else '?'


def files(root, folders, endings):
    """Paths relative to root, sorted; folders that are missing hold nothing."""
    found = []
    for folder in folders:
        for where, names, leaves in os.walk(os.path.join(root, folder)):
            names[:] = [n for n in names if n != '__pycache__' and not n.startswith('build')]
            found += [os.path.relpath(os.path.join(where, leaf), root)
                      for leaf in leaves if leaf.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        return file.read()


def layer_of(path):
    """'nt' of src/nt/x.c; None outside of the layers."""
    parts = path.split(os.sep)
    return parts[1] if len(parts) > 2 and parts[0] == 'src' else None


def blank(text):
    return re.sub(r'[^\n]', ' ', text)


def without_comments(text):
    """Comments blanked out, in place, so that lines and columns stay."""
    def keep_strings(match):
        return match.group() if match.group()[0] in '"\'' else blank(match.group())
    return TOKEN.sub(keep_strings, text)


def code_only(text):
    """Comments and what stands in quotes blanked out, in place."""
    def in_place(match):
        token = match.group()
        if token[0] in '"\'':
            return token[0] + blank(token[1:-1]) + token[-1]
        return blank(token)
    return TOKEN.sub(in_place, text)


def line_at(text, offset):
    return text.count('\n', 0, offset) + 1


def close_brace(code, start):
    """Offset of the brace that closes the one at start; the end of the text when none does."""
    depth = 0
    for found in re.compile(r'[{}]').finditer(code, start):
        depth += 1 if found.group() == '{' else -1
        if depth == 0:
            return found.start()
    return len(code) - 1


def is_function(head):
    return re.search(r'\)\s*$', head) is not None and '=' not in head.split('(')[0]


def items(text):
    """The items of a file, in order. Preprocessor lines belong to none."""
    code = DIRECTIVE.sub(lambda m: blank(m.group()), code_only(text))
    found, start, at, head, table = [], 0, 0, '', False
    separator = re.compile(r'[{;]')
    while True:
        match = separator.search(code, at)
        if match is None:
            return found
        head += code[at:match.start()]
        kind, end = None, match.start()
        if match.group() == '{':
            end = close_brace(code, match.start())
            if is_function(head):
                kind = 'function'
            else:
                table = table or '=' in head
                head += ' '
        else:
            kind = 'table' if table else 'other'
        at = end + 1
        if kind is not None:
            first = start + len(code[start:at]) - len(code[start:at].lstrip())
            found.append(Item(kind, head.strip(), line_at(code, first), line_at(code, end)))
            start, head, table = at, '', False


class Report:
    """Collects findings and ends with the exit status of a test."""

    def __init__(self):
        self.count = 0

    def error(self, path, line, message):
        self.count += 1
        print(f'{path}:{line}: error: {message}')

    def status(self):
        return 1 if self.count else 0
