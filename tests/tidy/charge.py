"""Every cycle has a name: what is charged is a row of the cost table, never a number.

usage: charge.py SOURCE_ROOT

The second argument of charge(), charge_n() and hw_charge() is a COST_ constant, a choice between
such constants, or the parameter `cost` of a function that passes it on.
"""
import re
import sys

import csource

CALL = re.compile(r'(?<![\w.>])(?:charge|charge_n|hw_charge)\s*\(')
COST = re.compile(r'(?:[\w\s]+[\s*])?(?:cost|COST_[A-Z0-9_]+)')


def arguments(code, start):
    """The arguments after the opening parenthesis at start - 1, split at their own commas."""
    parts, depth, begin = [], 0, start
    for at in range(start, len(code)):
        letter = code[at]
        if letter in '([{':
            depth += 1
        elif depth == 0 and letter in ',)':
            parts.append(code[begin:at].strip())
            begin = at + 1
            if letter == ')':
                break
        elif letter in ')]}':
            depth -= 1
    return parts


def is_cost(argument):
    """`a ? COST_X : COST_Y` is a cost when both branches are."""
    while argument.startswith('(') and argument.endswith(')'):
        argument = argument[1:-1].strip()
    condition, question, branches = argument.partition('?')
    if not question:
        return COST.fullmatch(argument) is not None
    left, colon, right = branches.partition(':')
    return bool(condition) and bool(colon) and is_cost(left.strip()) and is_cost(right.strip())


def main(root):
    report = csource.Report()
    for path in csource.files(root, ['src'], ('.c', '.h')):
        code = csource.code_only(csource.read(root, path))
        for call in CALL.finditer(code):
            given = arguments(code, call.end())
            if len(given) < 2 or not is_cost(given[1]):
                shown = given[1] if len(given) > 1 else 'nothing'
                report.error(path, csource.line_at(code, call.start()),
                             f'charged is {shown}, not a row of the cost table')
    return report.status()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
