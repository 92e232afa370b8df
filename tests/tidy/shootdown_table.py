"""The table of the stories shootdown-* in docs/MODEL.md is what their stored traces say.

usage: shootdown_table.py [--update] SOURCE_ROOT

Each cell is the mean of a request and, in brackets, the time that all processors spent in
interrupts, on sending them and on waiting for answers, divided by the requests; in microseconds
with two significant digits. --update writes the table.
"""
import json
import pathlib
import sys

BEGIN = '<!-- shootdowns: written by tests/tidy/shootdown_table.py -->'
END = '<!-- end of shootdowns -->'
PROCESSORS = (1, 4, 16, 64)
ROWS = (('unmapped', 'no mapping: pages are locked and unlocked'),
        ('mapped', 'each request maps its pages'),
        ('reserved', 'mapping into a reservation of the thread\'s'))
SENDING = ('ipi', 'ipi_near', 'ipi_hop', 'ipi_far', 'ipi_wait')


def two_digits(number, per):
    """number / per rounded half up to two significant digits, computed in integers."""
    if number == 0:
        return '0'
    decimals = 0
    while number * 10 ** decimals < 10 * per:
        decimals += 1
    unit = 1
    while number >= 100 * unit * per:
        unit *= 10
    rounded = (2 * number * 10 ** decimals + unit * per) // (2 * unit * per) * unit
    whole, part = divmod(rounded, 10 ** decimals)
    return f'{whole}.{part:0{decimals}d}' if decimals else str(whole)


def cell(trace):
    request = trace['stats']['latency']['request']
    spent = sum(cpu['interrupts'] + sum(cpu['cost'].get(cost, 0) for cost in SENDING)
                for cpu in trace['stats']['cpu'].values())
    per = request['count'] * trace['machine']['hz']
    return f'{two_digits(request["total"] * 10**6, per)} ({two_digits(spent * 10**6, per)})'


def table(root):
    lines = ['| us a request | ' + ' | '.join(map(str, PROCESSORS)) + ' processors |',
             '| --- |' + ' --- |' * len(PROCESSORS)]
    for kind, text in ROWS:
        cells = []
        for count in PROCESSORS:
            path = root / f'traces/stories/shootdown-{kind}-{count}.json'
            cells.append(cell(json.loads(path.read_text(encoding='utf-8'))))
        lines.append(f'| {text} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main(root, update):
    page = root / 'docs/MODEL.md'
    text = page.read_text(encoding='utf-8')
    before, rest = text.split(BEGIN)
    made = f'{before}{BEGIN}\n\n{table(root)}\n\n{END}{rest.split(END)[1]}'
    if update:
        page.write_text(made, encoding='utf-8', newline='\n')
    elif made != text:
        print('docs/MODEL.md: the table of shootdowns is not that of the traces: '
              'run tests/tidy/shootdown_table.py --update')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(pathlib.Path(sys.argv[-1]), '--update' in sys.argv[1:-1]))
