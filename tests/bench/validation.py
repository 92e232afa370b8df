#!/usr/bin/env python3
"""What the model predicts beside what was measured: validation.py SOURCE_ROOT [--update]
[--policies MDLSIM].

scenarios/validation/measured.csv names points of published or own measurements and the scenario
that reproduces each set. The predictions are read from the stored traces, which the golden suite
compares with what the program does. Prints every point; --update writes the tables into
docs/VALIDATION.md and docs/MODEL.md and draws docs/validation.svg. Fails where an aim is missed or
a page is not up to date.

--policies runs the scenarios that choose a replacement with others too, and writes what their error
is then into docs/VALIDATION.md (with --update).

A number as point is the mean time of an access in the event that carries the note "measured" and
visits that many places; `knee N` is the last number of places whose time is within a tenth of the
Nth level. Other notes name the event that carries them: "total X" is its time, "mean X" that of an
access, "walks X" that of a page walk, any other its invalidations. The name of a span is its time,
`end` the time of the whole run. `per` divides it (of B/cycle it is the bytes). A ratio is of two
scenarios.
"""
import csv
import json
import math
import pathlib
import re
import subprocess
import sys

AIMS = {"V1": (10, 25), "V3": (10, 25), "V4": (10, 25), "V5": (10, 10), "V6": (5, 25),
        "V7": (25, 25), "V8": (25, 25), "V9": (25, 25), "V10": (25, 25), "V10 times": (25, 25),
        "V11": (25, 25), "V13": (5, 5)}
INVALIDATIONS = ("flush_range", "invlpg", "tlb_flush", "ipi", "ipi_near", "ipi_hop", "ipi_far",
                 "ipi_wait")
WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP, LEGEND = 480, 320, 56, 32, 46, 32, 28


def named(event):
    """The value that a note of an event names."""
    kind, cost = event["note"].split()[0], event["cost"]
    if kind == "total":
        return event["cycles"]
    if kind == "mean":
        return event["cycles"] / event["accesses"]["count"]
    if kind == "walks":
        return sum(v for name, v in cost.items() if name.startswith("walk")) \
            / event["accesses"]["walks"]
    return sum(cost.get(name, 0) for name in INVALIDATIONS)


def knees(curve):
    """{"knee N": places}, the last ones within a tenth of each level of [(places, time)]."""
    found, level = {}, curve[0][1] if curve else 0
    for (places, _), (_, after) in zip(curve, curve[1:]):
        if after > 1.1 * level:
            found[f"knee {len(found) + 1}"] = places
            level = after
    return found


def load(trace):
    """({point: cycles}, cycles a second) of a trace."""
    points, curve = {}, []
    for event in trace["events"]:
        note = event.get("note")
        if note == "measured":
            places = event["args"]["length"] // event["args"]["stride"]
            curve.append((places, event["cycles"] / event["accesses"]["count"]))
        elif note is not None:
            points[note] = named(event)
    points.update({str(places): cycles for places, cycles in curve})
    points.update(knees(curve))
    for name, series in trace["stats"].get("latency", {}).items():
        points.setdefault(name, series["total"])
    points["end"] = sum(trace["stats"]["cpu"]["cpu0"][part]
                        for part in ("busy", "idle", "interrupts"))
    return points, trace["machine"]["hz"]


def stored(root):
    """The function that finds the stored trace of a scenario."""
    def find(name):
        with open(root / "traces/validation" / f"{name}.json", encoding="utf-8") as file:
            return json.load(file)
    return find


def scaled(cycles, hz, unit, per):
    if unit == "B/cycle":
        return per / cycles
    return cycles * {"ns": 1e9 / hz, "us": 1e6 / hz, "us at 2.3 GHz": 1 / 2300}.get(unit, 1) / per


def read_points(root, find, wanted=None):
    """[(set, point, predicted, measured, unit)] in the order of the table; find(scenario) gives a
    trace. Only those sets that are wanted."""
    traces, rows = {}, []
    with open(root / "scenarios/validation/measured.csv", encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            if wanted is not None and row["set"] not in wanted:
                continue
            values = []
            for name in row["scenario"].split("/"):
                if name not in traces:
                    traces[name] = load(find(name))
                points, hz = traces[name]
                values.append(scaled(points[row["point"]], hz, row["unit"], int(row["per"])))
            predicted = values[0] / values[1] if len(values) > 1 else values[0]
            point = row["scenario"].rpartition("/")[2] if row["point"] == "end" else row["point"]
            rows.append((row["set"], point, predicted, float(row["measured"]), row["unit"]))
    return rows


def error(row):
    return (row[2] / row[3] - 1) * 100


def mean_error(rows):
    return sum(abs(error(row)) for row in rows) / len(rows)


def worst_of(rows):
    return max(rows, key=lambda row: abs(error(row)))


def by_set(rows):
    sets = {}
    for row in rows:
        sets.setdefault(row[0], []).append(row)
    return sets


def aligned(table):
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for number, line in enumerate(table):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"


def summary(rows):
    table = [("set", "points", "mean error", "largest", "at")]
    for name, own in by_set(rows).items():
        worst = worst_of(own)
        table.append((name, str(len(own)), f"{mean_error(own):.1f} %", f"{error(worst):+.1f} %",
                      worst[1]))
    return "\n".join(aligned(table))


def details(rows):
    table = [("set", "point", "predicted", "measured", "error")]
    for row in rows:
        table.append((row[0], row[1], f"{row[2]:.2f} {row[4]}", f"{row[3]:g} {row[4]}",
                      f"{error(row):+.1f} %"))
    return "\n".join(aligned(table))


def replaced(text, name, body):
    """The text with what stands between the two marks of that name replaced."""
    begin, end = f"<!-- {name}: written by tests/bench/validation.py -->", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"


# ---- other replacement policies ----

POLICIES = [("as stored", ()), ("true LRU, sets by the low bits", ("lru", "modulo")),
            ("tree-PLRU, low bits", ("plru", "modulo")), ("random, low bits", ("random", "modulo")),
            ("true LRU, hash", ("lru", "hash")), ("tree-PLRU, hash", ("plru", "hash"))]
CHOSEN = ("V1", "V2", "V3", "V5")


def running(mdlsim, root, choice):
    """The function that runs a scenario with the second-level TLB of a choice."""
    def find(name):
        words = [] if not choice else [
            "--set", f"machine.cpu.tlb.l2.policy={choice[0]}",
            "--set", f"machine.cpu.tlb.l2.index={choice[1]}"]
        run = subprocess.run([mdlsim, "run", "-q", "-o", "-", *words,
                              root / "scenarios/validation" / f"{name}.yaml"],
                             check=True, stdout=subprocess.PIPE)
        return json.loads(run.stdout)
    return find


def policies(root, mdlsim):
    table = [("second-level TLB", *CHOSEN)]
    for label, choice in POLICIES:
        sets = by_set(read_points(root, running(mdlsim, root, choice), CHOSEN))
        cells = [f"{mean_error(sets[name]):.1f} %, {error(worst_of(sets[name])):+.1f} %"
                 for name in CHOSEN]
        table.append((label, *cells))
    return "\n".join(aligned(table))


# ---- the picture ----

RED, BLUE = "#b03030", "#3060a0"
# Title, axis across, lowest and highest values across and up, then the sets: name, colour, label.
PANELS = [
    ("Zen 5: ns a dependent load", "places visited", (8, 0.5), (65536, 64),
     [("V1", RED, "V1, one line a page"), ("V1 control", BLUE, "control, lines packed")]),
    ("Zen 5: cycles with all data in the first level", "pages visited", (128, 8), (131072, 128),
     [("V2", RED, "V2, page walks alone")]),
    ("Golden Cove: cycles a dependent load", "places visited", (16, 4), (32768, 32),
     [("V3", RED, "V3, one line a page"), ("V4", BLUE, "V4, lines of 64 bytes")]),
    ("Ivy Bridge: cycles a flush", "pages flushed", (1, 1024), (64, 16384),
     [("V6", RED, "V6, by INVLPG (fitted)")]),
    ("EPYC Milan: us a round of tlb_flush2", "processors", (2, 4), (128, 128),
     [("V10 times", RED, "V10, by interrupts")]),
    ("EPYC Milan: by interrupts, of the time with INVLPGB", "processors", (2, 1), (128, 2),
     [("V10", RED, "V10, ratio")]),
]


class Panel:
    """A chart of sets, logarithmic both ways: dots are measured, lines predicted."""

    def __init__(self, title, across, lows, highs, series):
        self.title, self.across, self.lows, self.highs = title, across, lows, highs
        self.series = series

    def place(self, x, y):
        def part(v, axis):
            low, high = math.log2(self.lows[axis]), math.log2(self.highs[axis])
            return (math.log2(v) - low) / (high - low)
        return (f"{LEFT + part(x, 0) * (WIDTH - LEFT - RIGHT):.1f}",
                f"{HEIGHT - BOTTOM - part(y, 1) * (HEIGHT - BOTTOM - TOP):.1f}")

    def grid(self):
        step = 4 if self.highs[0] / self.lows[0] > 64 else 2
        x, y = self.lows
        while x <= self.highs[0]:
            a, _ = self.place(x, self.lows[1])
            yield f'<path class="grid" d="M{a} {HEIGHT - BOTTOM}V{TOP}"/>'
            yield f'<text x="{a}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{x:,}</text>'
            x *= step
        while y <= self.highs[1]:
            _, b = self.place(self.lows[0], y)
            yield f'<path class="grid" d="M{LEFT} {b}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 7}" y="{float(b) + 4:.1f}" text-anchor="end">{y:,g}</text>'
            y *= 2

    def curve(self, rows, color):
        rows = [(int(re.findall(r"\d+", row[1])[-1]), row[2], row[3]) for row in rows
                if row[4] != "pages"]
        path = "L".join(" ".join(self.place(x, predicted)) for x, predicted, _ in rows)
        yield f'<path class="line" stroke="{color}" d="M{path}"/>'
        for x, _, measured in rows:
            cx, cy = self.place(x, measured)
            yield f'<circle cx="{cx}" cy="{cy}" r="3" fill="{color}"/>'

    def draw(self, sets):
        yield f'<text x="{LEFT}" y="20" class="title">{self.title}</text>'
        yield from self.grid()
        for number, (name, color, label) in enumerate(self.series):
            yield from self.curve(sets[name], color)
            y = TOP + 18 + 18 * number
            yield f'<text x="{LEFT + 12}" y="{y}" style="fill:{color}">{label}</text>'
        yield (f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 12}" '
               f'text-anchor="middle">{self.across}</text>')


def picture(rows):
    sets, height = by_set(rows), len(PANELS) // 2 * HEIGHT + LEGEND
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}">',
             "<style>text{font:12px sans-serif;fill:#333}.title{font-weight:bold}"
             ".grid{stroke:#ddd}.line{fill:none;stroke-width:2}</style>",
             f'<rect width="{2 * WIDTH}" height="{height}" fill="#fff"/>',
             f'<circle cx="{LEFT}" cy="16" r="3" fill="#333"/>',
             f'<text x="{LEFT + 10}" y="20">measured</text>',
             f'<path class="line" stroke="#333" d="M{LEFT + 90} 16h24"/>',
             f'<text x="{LEFT + 122}" y="20">predicted; all axes are logarithmic</text>']
    for number, panel in enumerate(PANELS):
        x, y = number % 2 * WIDTH, number // 2 * HEIGHT + LEGEND
        lines += [f'<g transform="translate({x} {y})">', *Panel(*panel).draw(sets), "</g>"]
    return "\n".join(lines) + "\n</svg>\n"


def main(root, update, mdlsim):
    rows = read_points(root, stored(root))
    pages = {root / "docs/validation.svg": picture(rows)}
    parts = {"summary": summary(rows), "points": details(rows)}
    if mdlsim is not None:
        parts["policies"] = policies(root, mdlsim)
    for name, own in (("docs/VALIDATION.md", parts), ("docs/MODEL.md", ("summary",))):
        text = (root / name).read_text(encoding="utf-8")
        for part in own:
            text = replaced(text, part, parts[part])
        pages[root / name] = text
    print(parts["points"], "\n\n", parts["summary"], sep="")
    status = 0
    for path, text in pages.items():
        if update:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not up to date: run validation.py --update")
            status = 1
    for name, own in by_set(rows).items():
        mean, most = mean_error(own), abs(error(worst_of(own)))
        if name in AIMS and (mean > AIMS[name][0] or most > AIMS[name][1]):
            print(f"{name} misses its aim: {mean:.1f} % on average, {most:.1f} % at most")
            status = 1
    return status


if __name__ == "__main__":
    WORDS = sys.argv[2:]
    MDLSIM = pathlib.Path(WORDS[WORDS.index("--policies") + 1]).resolve() \
        if "--policies" in WORDS else None
    sys.exit(main(pathlib.Path(sys.argv[1]), "--update" in WORDS, MDLSIM))
