"""Who may include whom: base < model < mm < nt < sim < {scenario, replay, trace} < cli.

usage: layers.py SOURCE_ROOT

Also: libyaml only in scenario/, jansson only in trace/, the core only headers that need no
library, own header first, then project, libraries and system, in this order.
"""
import os
import re
import sys

import csource

RANK = {'base': 0, 'model': 1, 'mm': 2, 'nt': 3, 'sim': 4,
        'scenario': 5, 'replay': 5, 'trace': 5, 'cli': 6}
HOME_OF_LIBRARY = {'yaml.h': 'scenario', 'jansson.h': 'trace'}
# emmintrin.h: instructions by name, nothing that is called.
CORE_SYSTEM = {'emmintrin.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h',
               'stdint.h', 'stdnoreturn.h', 'string.h'}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
PROJECT, LIBRARY, SYSTEM = 0, 1, 2
GROUP_NAMES = ('project', 'library', 'system')


def includes(text):
    """(line, quoted, name) of each; a comment may hold one that does not count."""
    clean = csource.without_comments(text)
    return [(csource.line_at(clean, m.start(1)), m.group(1) == '"', m.group(2))
            for m in INCLUDE.finditer(clean)]


def group_of(quoted, name):
    if quoted:
        return PROJECT
    return LIBRARY if name in HOME_OF_LIBRARY or name.startswith('criterion/') else SYSTEM


def check_direction(report, path, layer, line, name):
    target = name.split('/')[0]
    if '/' not in name or target not in RANK:
        report.error(path, line, f'"{name}": a project header is named by its path from src/')
    elif target != layer and RANK[target] >= RANK[layer]:
        report.error(path, line, f'{layer} must not include {target} ("{name}")')


def check_system(report, path, layer, line, name):
    home = HOME_OF_LIBRARY.get(name)
    if home is not None and home != layer:
        report.error(path, line, f'<{name}> belongs to {home}/ alone')
    elif home is None and layer in csource.CORE_LAYERS and name not in CORE_SYSTEM:
        report.error(path, line, f'the core must not include <{name}>')


def check_order(report, path, found):
    """Tables that are included for their rows (.def, .inc) stand where they are needed."""
    headers = [row for row in found if row[2].endswith('.h')]
    highest = PROJECT
    for line, quoted, name in headers:
        group = group_of(quoted, name)
        if group < highest:
            report.error(path, line, f'{GROUP_NAMES[group]} header {name} after a '
                                     f'{GROUP_NAMES[highest]} header')
        highest = max(highest, group)


def check_own_first(report, root, path, found):
    own = re.sub(r'\.c$', '.h', path)
    if not path.endswith('.c') or not os.path.exists(os.path.join(root, own)):
        return
    own = os.path.relpath(own, 'src')
    if not found or found[0][2] != own:
        line = found[0][0] if found else 1
        report.error(path, line, f'the first include must be the own header "{own}"')


def main(root):
    report = csource.Report()
    for path in csource.files(root, ['src'], ('.c', '.h', '.def', '.inc')):
        layer = csource.layer_of(path)
        if layer not in RANK:
            report.error(path, 1, 'the file belongs to no layer')
            continue
        found = includes(csource.read(root, path))
        for line, quoted, name in found:
            check = check_direction if quoted else check_system
            check(report, path, layer, line, name)
        check_order(report, path, found)
        check_own_first(report, root, path, found)
    for path in csource.files(root, ['src'], ('.h',)):
        if '#pragma once' not in csource.read(root, path):
            report.error(path, 1, 'the header lacks #pragma once')
    return report.status()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
