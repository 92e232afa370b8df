#!/usr/bin/env python3
"""Time and memory over four decades of touched pages and of events, drawn as an SVG.

usage: growth.py MEASURED MDLSIM BENCH_FOLDER [SVG]

Ten times as many pages or events may take ten times as long, and no more: the script fails when a
decade takes more than LINEAR times that. A billion accesses and 100 million touched pages must fit
into 16 GiB, which is told from the bytes that a page takes.
"""
import math
import os
import subprocess
import sys

STEPS = [1000, 10000, 100000, 1000000, 10000000]
EVENTS_A_ROUND, LINEAR = 5, 1.5
FEW_SECONDS = 0.05  # below this the start of the program and the clock's ticks are most of it
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM, LEGEND = 460, 320, 72, 40, 40, 56, 32


def measure(command):
    """(seconds of processor time, bytes resident) of a run."""
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    used, _, kib = map(int, output.split())
    return used / 1e6, kib * 1024


def pages(measured, mdlsim, folder, count):
    return measure([measured, mdlsim, 'run', os.path.join(folder, 'growth_pages.yaml'), '-q',
                    '--format', 'none', f'--set=vars.pages={count}'])


def events(measured, mdlsim, folder, count):
    rounds = count // EVENTS_A_ROUND
    return measure([measured, mdlsim, 'run', os.path.join(folder, 'mdl_loop.yaml'), '-q',
                    '-o', '/dev/null', '--format', 'json', f'--set=vars.rounds={rounds}'])


class Chart:
    """Logarithmic both ways; a grey line is what growing in proportion to the last point means."""

    def __init__(self, title, across, unit, points, low, high):
        self.title, self.across, self.unit, self.points = title, across, unit, points
        self.low, self.high = low, high  # exponents of ten, of the vertical axis

    def x(self, n):
        share = (math.log10(n) - 3) / (len(STEPS) - 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, v):
        share = (math.log10(v) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(max(share, 0), 1) * (HEIGHT - TOP - BOTTOM)

    def line(self, points, style):
        path = ' '.join(f'{self.x(n):.1f},{self.y(v):.1f}' for n, v in points)
        return f'<polyline points="{path}" fill="none" {style}/>'

    def draw(self, across, down):
        out = [f'<g transform="translate({across * WIDTH} {down * HEIGHT + LEGEND})">',
               f'<text x="{LEFT}" y="24" font-weight="bold">{self.title}</text>']
        for exponent in range(self.low, self.high + 1):
            y = self.y(10 ** exponent)
            out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
            out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                       f'{self.label(exponent)}</text>')
        for n in STEPS:
            out.append(f'<text x="{self.x(n):.1f}" y="{HEIGHT - BOTTOM + 18}" '
                       f'text-anchor="middle">{n:,}</text>')
        out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 18}" '
                   f'text-anchor="middle">{self.across}</text>')
        count, value = self.points[-1]
        ideal = [(n, value * n / count) for n in STEPS if value * n / count >= 10 ** self.low]
        out.append(self.line(ideal, 'stroke="#999" stroke-dasharray="4 4"'))
        out.append(self.line(self.points, 'stroke="#06c" stroke-width="2"'))
        for n, v in self.points:
            out.append(f'<circle cx="{self.x(n):.1f}" cy="{self.y(v):.1f}" r="3" fill="#06c"/>')
        return out + ['</g>']

    def label(self, exponent):
        if self.unit == 's':
            return f'{10 ** exponent:g} s'
        return f'{10 ** exponent:,} MiB'


def draw(charts):
    width, height = 2 * WIDTH, 2 * HEIGHT + LEGEND
    out = ['<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11" '
           f'fill="#333" viewBox="0 0 {width} {height}">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<path d="M{LEFT} 18h24" stroke="#06c" stroke-width="2"/>',
           f'<circle cx="{LEFT + 12}" cy="18" r="3" fill="#06c"/>',
           f'<text x="{LEFT + 32}" y="22">measured</text>',
           f'<path d="M{LEFT + 100} 18h24" stroke="#999" stroke-dasharray="4 4"/>',
           f'<text x="{LEFT + 132}" y="22">in proportion to the last point; all axes are '
           'logarithmic</text>']
    for number, chart in enumerate(charts):
        out += chart.draw(number % 2, number // 2)
    return '\n'.join(out + ['</svg>']) + '\n'


def factor_beyond_linear(points):
    """The worst growth of a decade, in units of ten times; what is too short is left out."""
    worst = 0
    for (n, before), (m, after) in zip(points, points[1:]):
        if before >= FEW_SECONDS:
            worst = max(worst, after / before / (m / n))
    return worst


def series(name, one, arguments):
    times, memory = [], []
    for count in STEPS:
        seconds, size = one(*arguments, count)
        times.append((count, max(seconds, 1e-3)))
        memory.append((count, size / 2 ** 20))
        print(f'growth: {count} {name}: {seconds:.3f} s, {size / 2 ** 20:.1f} MiB')
    return times, memory


def main():
    arguments = sys.argv[1:4]
    page_times, page_memory = series('pages', pages, arguments)
    event_times, event_memory = series('events', events, arguments)
    (few, small), (many, large) = page_memory[0], page_memory[-1]
    page_bytes = (large - small) * 2 ** 20 / (many - few)
    gib = page_bytes * 1e8 / 2 ** 30
    worst = max(factor_beyond_linear(page_times), factor_beyond_linear(event_times))
    print(f'growth: {page_bytes:.0f} bytes a touched page: 100 million take {gib:.1f} GiB of 16; '
          f'memory for events grows by {event_memory[-1][1] - event_memory[0][1]:.1f} MiB')
    print(f'growth: the worst decade takes {10 * worst:.1f} times as long')
    if len(sys.argv) > 4:
        charts = [Chart(f'{what} by {across}', across, unit, points, low, high)
                  for across, times, memory in (('touched pages', page_times, page_memory),
                                                ('events', event_times, event_memory))
                  for what, unit, points, low, high in (('Time', 's', times, -3, 2),
                                                        ('Memory', 'MiB', memory, 0, 4))]
        with open(sys.argv[4], 'w') as file:
            file.write(draw(charts))
    return 0 if worst < LINEAR and gib < 16 else 1


if __name__ == '__main__':
    sys.exit(main())
