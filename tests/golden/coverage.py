"""What the scenarios reach: every failure row and the success of every routine, every kind of
event, every cost; TAP.

usage: coverage.py MDLSIM SOURCE_ROOT

Compares `mdlsim list routines --json` and `mdlsim list costs --json` with the stored traces. There
are no exceptions: a row that no scenario reaches has no place in its table.
"""
import json
import os
import subprocess
import sys

ACTIONS = ('read', 'write', 'execute', 'copy', 'set', 'replay', 'delay', 'wait', 'signal',
           'switch', 'queue_apc', 'apc')


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
    """Each thing to reach, in words."""
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


def main(mdlsim, root):
    performed = performed_rows(mdlsim)
    reached = {thing for trace in traces(root) for thing in reached_in(trace, performed)}
    todo = list(goals(mdlsim))
    print(f'1..{len(todo)}')
    failed = 0
    for number, goal in enumerate(todo, 1):
        missed = goal not in reached
        failed += missed
        print(f"{'not ok' if missed else 'ok'} {number} - {' '.join(goal)}")
        if missed:
            print('# no stored trace reaches it')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2]))
