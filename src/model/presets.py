#!/usr/bin/env python3
"""Turns the tables of processors into C: presets.py OUTPUT COST_DEF CPUS PRESETS PRICES SOURCES.

cpus.csv     the presets in order, with a sentence each.
presets.csv  one value a row. A value is a decimal number; `none` where the part has no such thing;
             a policy of replacement; or a geometry in the unit entries/ways: `64/4`, `64/full`
             (fully associative), `shared` (the array of the 4 KiB pages serves this size too),
             `none`.
             Sources are tags of sources.csv joined by `+`.
prices.csv   how each row of cost.def follows from parameters: an expression in cycles, rounded to
             the nearest integer. ns times GHz is cycles. `a or b` is b where a reads `none`; else
             a parameter that is `none` makes the price 0, for the part does no such thing. A preset
             with the parameter `every_price` has that price everywhere but where it has the
             formula's parameters itself, and needs only what cpu() reads besides.
sources.csv  what the tags mean.
"""
import ast
import csv
import operator
import re
import sys
from fractions import Fraction

SIZES = ("4k", "2m", "1g")
LEVELS = (("l1d", "dtlb"), ("l1i", "itlb"), ("l2", "stlb"))
CACHES = ("l1d", "l2", "l3")
WALK_CACHES = ("pde", "pdpte", "pml4e", "pml5e")
PAGES = ("PAGE_4K", "PAGE_2M", "PAGE_1G")
POLICIES = ("lru", "plru", "fifo", "random")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub,
             ast.Mult: operator.mul, ast.Div: operator.truediv}
ALWAYS = ("clock_ghz", "paging_levels_max", "cpus_max", "cpus_per_socket", "pcid_count",
          "broadcast_inval", "kpti_per_entry_plus_exit",
          *(f"{prefix}_{size}" for _, prefix in LEVELS for size in SIZES),
          *(f"psc_{cache}" for cache in WALK_CACHES))


def check(condition, message):
    if not condition:
        sys.exit("presets.py: " + message)


def read_table(path, columns):
    with open(path, encoding="ascii", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    check(rows and rows[0] == list(columns), f"{path}: its columns are not {columns}")
    for number, row in enumerate(rows[1:], 2):
        check(len(row) == len(columns), f"{path}: row {number} has {len(row)} fields")
    return [dict(zip(columns, row)) for row in rows[1:]]


def read_unique(path, columns):
    rows = read_table(path, columns)
    found = {row[columns[0]]: row for row in rows}
    check(len(found) == len(rows), f"{path}: a {columns[0]} appears twice")
    return found


def read_costs(path):
    with open(path, encoding="ascii") as file:
        found = re.findall(r"^COST\((\w+),", file.read(), re.MULTILINE)
    check(found, f"{path}: it has no cost")
    return found


def number(text, what):
    check(re.fullmatch(r"\d+(\.\d+)?", text), f"{what}: '{text}' is not a number")
    return Fraction(text)


def whole(row):
    value = number(row["value"], f"{row['preset']} {row['parameter']}")
    check(value.denominator == 1 and value > 0, f"{row['preset']} {row['parameter']}: not whole")
    return int(value)


def array(row):
    """(entries, ways) of a geometry, (0, 0) for none; not for `shared`."""
    what = f"{row['preset']} {row['parameter']}"
    if row["value"] == "none":
        return 0, 0
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*|full)", row["value"])
    check(match, f"{what}: '{row['value']}' is not a geometry")
    entries = int(match[1])
    ways = entries if match[2] == "full" else int(match[2])
    check(entries % ways == 0, f"{what}: {ways} ways do not divide {entries} entries")
    return entries, ways


def check_value(row, tags):
    what = f"{row['preset']} {row['parameter']}"
    check(row["unit"], f"{what}: no unit")
    for tag in row["source"].split("+"):
        check(tag in tags, f"{what}: source '{tag}' is not in sources.csv")
    if row["unit"] == "entries/ways":
        if row["value"] != "shared":
            array(row)
    elif row["unit"] == "policy":
        check(row["value"] in POLICIES, f"{what}: unknown policy")
    elif row["value"] != "none":
        number(row["value"], what)


def group(rows, cpus, tags):
    """{preset: {parameter: row}}, each preset with every parameter."""
    table = {name: {} for name in cpus}
    for row in rows:
        check(row["preset"] in table, f"preset '{row['preset']}' is not in cpus.csv")
        own = table[row["preset"]]
        check(row["parameter"] not in own, f"{row['preset']} {row['parameter']} appears twice")
        check_value(row, tags)
        own[row["parameter"]] = row
    full = set().union(*(own for own in table.values() if "every_price" not in own))
    for name, own in table.items():
        need = set(ALWAYS) if "every_price" in own else full | set(ALWAYS)
        check(need <= set(own), f"{name} lacks {', '.join(sorted(need - set(own)))}")
    return table


def check_tags_used(rows, tags):
    """A tag that nothing names is left over from a value that is gone."""
    text = " ".join(f"{row['source'].replace('+', ' ')} {row['note']}" for row in rows)
    used = set(re.findall(r"[\w-]+", text)) | {"definition"}
    check(set(tags) <= used, f"sources.csv: unused {', '.join(sorted(set(tags) - used))}")


def evaluate(node, own, used):
    """Value of an expression; the rows it reads are appended to `used`."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = evaluate(node.left, own, used), evaluate(node.right, own, used)
        return OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        first, second = node.values
        row = own.get(first.id) if isinstance(first, ast.Name) else None
        return evaluate(second if row and row["value"] == "none" else first, own, used)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Fraction(node.value)
    check(isinstance(node, ast.Name) and node.id in own, f"prices.csv: unknown {ast.dump(node)}")
    used.append(own[node.id])
    if own[node.id]["value"] == "none":
        return Fraction(0)
    return number(own[node.id]["value"], f"{own[node.id]['preset']} {node.id}")


def price(name, own, rule):
    """(cycles, source) of one price of one preset."""
    names = re.findall(r"[a-z]\w+", rule["formula"])
    if "every_price" in own and not (names and set(names) <= set(own)):
        return whole(own["every_price"]), f"every_price ({own['every_price']['source']})"
    used = []
    exact = evaluate(ast.parse(rule["formula"], mode="eval").body, own, used)
    cycles = int(exact + Fraction(1, 2))
    is_free = any(row["value"] in ("none", "0") for row in used)
    check(is_free or (exact > 0 and cycles >= 1),
          f"{name}: the price of {rule['cost']} is below one cycle")
    tags = [tag for row in used for tag in row["source"].split("+")] or ["definition"]
    source = f"{rule['formula']} ({', '.join(dict.fromkeys(tags))})"
    return cycles, source + (f"; {rule['note']}" if rule["note"] else "")


def quote(text):
    check(text.isprintable() and not re.search(r'["\\]|\?\?', text), f"cannot quote {text}")
    return f'"{text}"'


def geometry(own, prefix):
    """Initializer of a struct tlb_level_geometry."""
    arrays, array_of = [], []
    for size, page in zip(SIZES, PAGES):
        row = own[f"{prefix}_{size}"]
        shared = row["value"] == "shared"
        check(not shared or array_of[:1] == ["PAGE_4K"],
              f"{row['preset']} {prefix}: nothing to share")
        entries, ways = (0, 0) if shared else array(row)
        arrays.append(f"{{ {entries}, {ways}, POLICY_LRU }}")
        array_of.append("PAGE_4K" if shared else page if entries else "TLB_NO_ARRAY")
    return f"{{ {{ {', '.join(arrays)} }}, {{ {', '.join(array_of)} }}, false }}"


def caches(own):
    """Initializer of a struct cache_config."""
    if "l1d_kib" not in own:
        return "{ .modelled = false }"
    levels = []
    for level in CACHES:
        if own[f"{level}_kib"]["value"] == "none":
            levels.append("{ 0, 0, POLICY_LRU }")
            continue
        size, ways = whole(own[f"{level}_kib"]) * 1024, whole(own[f"{level}_ways"])
        check(size % (64 * ways) == 0, f"{own[f'{level}_kib']['preset']} {level}: uneven sets")
        policy = own[f"{level}_replacement"]["value"].upper()
        levels.append(f"{{ {size}, {ways}, POLICY_{policy} }}")
    cores = own["l3_cores"]["value"]
    return (f"{{ .modelled = true, .l3_cpus = {0 if cores == 'none' else cores},"
            f" .level = {{ {', '.join(levels)} }} }}")


def cpu(name, doc, own, costs, prices):
    """Initializer of a struct cpu_preset, in lines."""
    hz = number(own["clock_ghz"]["value"], name) * 10**9
    check(hz.denominator == 1 and hz > 0, f"{name}: the clock is no whole number of Hz")
    yield f"    {{ .name = {quote(name)}, .doc = {quote(doc)},"
    yield (f"      .hz = {hz}, .levels_max = {whole(own['paging_levels_max'])},"
           f" .cpus_max = {whole(own['cpus_max'])},")
    yield (f"      .socket_cpus = {whole(own['cpus_per_socket'])},"
           f" .pcid_count = {own['pcid_count']['value']},"
           f" .broadcasts = {own['broadcast_inval']['value']},"
           f" .needs_kva_shadow = {int(own['kpti_per_entry_plus_exit']['value'] != '0')},")
    for field, prefix in LEVELS:
        yield f"      .{field} = {geometry(own, prefix)},"
    for cache in WALK_CACHES:
        entries, ways = array(own[f"psc_{cache}"])
        yield f"      .psc[PSC_{cache.upper()}] = {{ {entries}, {ways}, POLICY_LRU }},"
    yield f"      .caches = {caches(own)},"
    yield f"      .walkers = {whole(own['page_walkers']) if 'page_walkers' in own else 1},"
    for cost in costs:
        cycles, source = price(name, own, prices[cost])
        yield f"      .price[COST_{cost}] = {cycles}, .source[COST_{cost}] = {quote(source)},"
    yield "    },"


def main(output, cost_def, cpus_csv, presets_csv, prices_csv, sources_csv):
    costs = read_costs(cost_def)
    cpus = read_unique(cpus_csv, ("preset", "doc"))
    columns = ("preset", "parameter", "value", "unit", "source", "note")
    rows = read_table(presets_csv, columns)
    prices = read_unique(prices_csv, ("cost", "formula", "note"))
    tags = read_unique(sources_csv, ("tag", "title"))
    check(list(prices) == costs, "prices.csv and cost.def name different costs")
    table = group(rows, cpus, tags)
    check_tags_used(rows, tags)
    lines = ["/* Processors as data; generated by presets.py. */",
             '#include "model/preset_data.h"', "", "const struct cpu_preset cpu_presets[] = {"]
    for name, row in cpus.items():
        lines += cpu(name, row["doc"], table[name], costs, prices)
    lines += ["    { .name = NULL },", "};", "",
              "const struct preset_parameter preset_parameters[] = {"]
    lines += [f"    {{ {', '.join(quote(row[key]) for key in columns)} }}," for row in rows]
    lines += ["    { .preset = NULL },", "};", "",
              "const struct preset_source preset_sources[] = {"]
    lines += [f"    {{ {quote(tag)}, {quote(row['title'])} }}," for tag, row in tags.items()]
    lines += ["    { .tag = NULL },", "};", ""]
    with open(output, "w", encoding="ascii", newline="\n") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    check(len(sys.argv) == 7, __doc__.splitlines()[0])
    main(*sys.argv[1:])
