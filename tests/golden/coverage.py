"""What the scenarios reach: every failure row and the success of every routine, every kind of
event, every cost; TAP.

usage: coverage.py MDLSIM SOURCE_ROOT

Compares `mdlsim list routines --json` and `mdlsim list costs --json` with the stored traces.
coverage-exceptions.txt lists what no scenario can reach, with the reason; it only shrinks: a line
for what is reached, or for what does not exist, is a failure.
"""
import json
import os
import subprocess
import sys

ACTIONS = ('read', 'write', 'execute', 'copy', 'set', 'replay', 'delay', 'wait', 'signal',
           'switch')
EXCEPTIONS = os.path.join('tests', 'golden', 'coverage-exceptions.txt')


def listed(mdlsim, what):
    output = subprocess.run([mdlsim, 'list', what, '--json'], check=True, stdout=subprocess.PIPE)
    return json.loads(output.stdout)


def traces(root):
    for where, folders, names in os.walk(os.path.join(root, 'traces')):
        folders[:] = sorted(name for name in folders if name != 'inputs')
        for name in sorted(names):
            if name.endswith('.json'):
                with open(os.path.join(where, name), encoding='utf-8') as file:
                    yield json.load(file)


def goals(mdlsim):
    """Each thing to reach, as the words of an exception."""
    for routine in listed(mdlsim, 'routines'):
        yield ('success', routine['routine'])
        for failure in routine['failures']:
            yield ('failure', routine['routine'], failure['name'])
    for cost in listed(mdlsim, 'costs'):
        yield ('cost', cost['cost'])
    for action in ACTIONS:
        yield ('event', action)


def performed_rows(mdlsim):
    """The rows with which a call succeeds all the same, as (routine, name)."""
    return {(routine['routine'], failure['name']) for routine in listed(mdlsim, 'routines')
            for failure in routine['failures'] if failure['then'].startswith('performed')}


def reached_by(event, performed):
    yield ('event', event['call'])
    for cost in event.get('cost', {}):
        yield ('cost', cost)
    row = (event['call'], event.get('failure'))
    if 'failure' in event:
        yield ('failure', *row)
    if 'raises' not in event and 'bugcheck' not in event:
        if 'failure' not in event or row in performed:
            yield ('success', event['call'])


def reached_in(trace, performed):
    for event in trace['events']:
        yield from reached_by(event, performed)
    for cpu in trace['stats']['cpu'].values():  # what interrupts cost is in no event
        for cost in cpu['cost']:
            yield ('cost', cost)


def read_exceptions(root):
    """Maps the words of each line to (its number, whether it has a reason)."""
    found = {}
    path = os.path.join(root, EXCEPTIONS)
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            words, _, reason = line.partition('#')
            if words.split():
                found[tuple(words.split())] = (number, bool(reason.strip()))
    return found


def judge(goal, reached, exceptions):
    """None when all is well, else what is wrong."""
    line, has_reason = exceptions.pop(goal, (0, True))
    if not has_reason:
        return f'{EXCEPTIONS}:{line}: no reason given'
    if goal in reached and line:
        return f'{EXCEPTIONS}:{line}: reached; the line is not needed any more'
    if goal not in reached and not line:
        return 'no stored trace reaches it'
    return None


def main(mdlsim, root):
    performed = performed_rows(mdlsim)
    reached = {thing for trace in traces(root) for thing in reached_in(trace, performed)}
    exceptions = read_exceptions(root)
    todo = list(goals(mdlsim))
    print(f'1..{len(todo) + 1}')
    failed = 0
    for number, goal in enumerate(todo, 1):
        problem = judge(goal, reached, exceptions)
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {' '.join(goal)}")
        if problem:
            print(f'# {problem}')
    print(f"{'not ok' if exceptions else 'ok'} {len(todo) + 1} - exceptions name what exists")
    for goal, (line, _) in sorted(exceptions.items()):
        print(f"# {EXCEPTIONS}:{line}: there is no {' '.join(goal)}")
    return 1 if failed or exceptions else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2]))
