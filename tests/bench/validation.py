#!/usr/bin/env python3
"""What the model predicts beside what was measured: validation.py SOURCE_ROOT [--update].

scenarios/validation/measured.csv names points of published or own measurements and the scenario
that reproduces each set. The predictions are read from the stored traces, which the golden suite
compares with what the program does. Prints every point; --update writes the tables into
docs/VALIDATION.md and docs/MODEL.md and draws docs/validation.svg. Fails where an aim is missed or
a page is not up to date.

A number as point is the mean time of an access in the event that carries the note "measured" and
visits that many places. Another note names the invalidations of the event that carries it, the name
of a span its time, `end` the time of the whole run. `per` divides it. A ratio is of two scenarios.
"""
import csv
import json
import math
import pathlib
import sys

AIMS = {"V1": (10, 25), "V3": (10, 25), "V4": (10, 25), "V5": (10, 10), "V6": (5, 25),
        "V7": (25, 25), "V9": (25, 25)}
INVALIDATIONS = ("flush_range", "invlpg", "tlb_flush", "ipi", "ipi_near", "ipi_hop", "ipi_far",
                 "ipi_wait")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 420, 60, 50, 30


def load(root, scenario):
    with open(root / "traces/validation" / f"{scenario}.json", encoding="utf-8") as file:
        trace = json.load(file)
    points = {}
    for event in trace["events"]:
        note = event.get("note")
        if note == "measured":
            places = event["args"]["length"] // event["args"]["stride"]
            points[str(places)] = event["cycles"] / event["accesses"]["count"]
        elif note is not None:
            points[note] = sum(event["cost"].get(cost, 0) for cost in INVALIDATIONS)
    for name, series in trace["stats"].get("latency", {}).items():
        points.setdefault(name, series["total"])
    points["end"] = sum(trace["stats"]["cpu"]["cpu0"][part]
                        for part in ("busy", "idle", "interrupts"))
    return points, trace["machine"]["hz"]


def read_points(root):
    """[(set, point, predicted, measured, unit)] in the order of the table."""
    scale = {"cycles": lambda hz: 1, "ns": lambda hz: 1e9 / hz, "us": lambda hz: 1e6 / hz,
             "us at 2.3 GHz": lambda hz: 1 / 2300, "ratio": lambda hz: 1}
    traces, rows = {}, []
    with open(root / "scenarios/validation/measured.csv", encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            values = []
            for name in row["scenario"].split("/"):
                if name not in traces:
                    traces[name] = load(root, name)
                points, hz = traces[name]
                values.append(points[row["point"]] * scale[row["unit"]](hz) / int(row["per"]))
            predicted = values[0] / values[1] if len(values) > 1 else values[0]
            point = row["scenario"].rpartition("/")[2] if row["point"] == "end" else row["point"]
            rows.append((row["set"], point, predicted, float(row["measured"]), row["unit"]))
    return rows


def error(row):
    return (row[2] / row[3] - 1) * 100


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
        worst = max(own, key=lambda row: abs(error(row)))
        mean = sum(abs(error(row)) for row in own) / len(own)
        table.append((name, str(len(own)), f"{mean:.1f} %", f"{error(worst):+.1f} %", worst[1]))
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


# ---- the picture ----

def place(x, y, lows, highs):
    def part(v, low, high):
        return (math.log2(v) - math.log2(low)) / (math.log2(high) - math.log2(low))
    across = LEFT + part(x, lows[0], highs[0]) * (WIDTH - LEFT - 20)
    up = HEIGHT - BOTTOM - part(y, lows[1], highs[1]) * (HEIGHT - BOTTOM - TOP)
    return f"{across:.1f}", f"{up:.1f}"


def grid(lows, highs):
    x, y = lows
    while x <= highs[0]:
        a, b = place(x, lows[1], lows, highs)
        _, top = place(x, highs[1], lows, highs)
        yield f'<path class="grid" d="M{a} {b}V{top}"/>'
        yield f'<text x="{a}" y="{float(b) + 18:.1f}" text-anchor="middle">{x}</text>'
        x *= 4
    while y <= highs[1]:
        a, b = place(lows[0], y, lows, highs)
        right, _ = place(highs[0], y, lows, highs)
        yield f'<path class="grid" d="M{a} {b}H{right}"/>'
        yield f'<text x="{float(a) - 8:.1f}" y="{float(b) + 4:.1f}" text-anchor="end">{y}</text>'
        y *= 2


def curve(rows, color, lows, highs):
    spots = [place(int(row[1]), row[2], lows, highs) for row in rows]
    yield f'<path class="line" stroke="{color}" d="M' + "L".join(" ".join(s) for s in spots) + '"/>'
    for row in rows:
        x, y = place(int(row[1]), row[3], lows, highs)
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>'


def picture(rows):
    sets, lows, highs = by_set(rows), (8, 0.5), (65536, 64)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}">',
             "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}"
             ".line{fill:none;stroke-width:2}</style>",
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             *grid(lows, highs)]
    for name, color, label in (("V1", "#b03030", "one line a page"),
                               ("V1 control", "#3060a0", "lines packed into few pages")):
        lines += curve(sets[name], color, lows, highs)
        y = 46 if name == "V1" else 64
        lines.append(f'<text x="80" y="{y}" style="fill:{color}">{label}</text>')
    lines += [f'<text x="80" y="{TOP - 6}">Zen 5, ns a dependent load: dots measured, lines '
              "predicted</text>",
              f'<text x="{WIDTH // 2}" y="{HEIGHT - 10}" text-anchor="middle">places visited'
              "</text>", "</svg>", ""]
    return "\n".join(lines)


def main(root, update):
    rows = read_points(root)
    pages = {root / "docs/validation.svg": picture(rows)}
    for name, parts in (("docs/VALIDATION.md", {"summary": summary, "points": details}),
                        ("docs/MODEL.md", {"summary": summary})):
        text = (root / name).read_text(encoding="utf-8")
        for part, make in parts.items():
            text = replaced(text, part, make(rows))
        pages[root / name] = text
    print(details(rows), "\n\n", summary(rows), sep="")
    status = 0
    for path, text in pages.items():
        if update:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not up to date: run validation.py --update")
            status = 1
    for name, own in by_set(rows).items():
        mean = sum(abs(error(row)) for row in own) / len(own)
        most = max(abs(error(row)) for row in own)
        if name in AIMS and (mean > AIMS[name][0] or most > AIMS[name][1]):
            print(f"{name} misses its aim: {mean:.1f} % on average, {most:.1f} % at most")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), "--update" in sys.argv[2:]))
