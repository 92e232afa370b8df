#!/usr/bin/env python3
"""An obvious model of a two-level TLB, for comparison with mdlsim.

Lists in order of last use and nothing clever, so that it can be checked by reading. Its rules:
  - set = page mod sets; true LRU within a set; both levels start empty;
  - an access looks up every page that it touches, the low page first;
  - M is a load, then a store of the same bytes: twice the lookups;
  - the second level is looked up when the first misses; what it finds is filled into the first,
    what it lacks is filled into both;
  - fetches are left out unless --itlb names a first level of their own (the second is shared).
Prints integers as JSON.
"""
import argparse
import json
import sys


class Level:
    """One level: a list of pages for each set, the page used last at the end."""

    def __init__(self, entries, ways):
        if entries < 1 or ways < 1 or entries % ways:
            raise ValueError(f"{entries}x{ways}: entries must be a multiple of ways")
        self.ways = ways
        self.sets = [[] for _ in range(entries // ways)]
        self.hits = self.misses = 0

    def look_up(self, page):
        """True when the page was there. It is afterwards, as the one used last."""
        pages = self.sets[page % len(self.sets)]
        hit = page in pages
        if hit:
            pages.remove(page)
            self.hits += 1
        else:
            self.misses += 1
            if len(pages) == self.ways:
                pages.pop(0)
        pages.append(page)
        return hit

    def counts(self):
        return {"lookups": self.hits + self.misses, "hits": self.hits, "misses": self.misses}


def geometry(text):
    entries, ways = text.split("x")
    return int(entries), int(ways)


def lackey_records(lines):
    """(kind, address, size) with kind one of I L S M."""
    for line in lines:
        if line.startswith(("==", "--", "**")) or not line.strip():
            continue
        kind, rest = line.split()
        address, size = rest.split(",")
        yield kind, int(address, 16), int(size)


def din_records(lines):
    for line in lines:
        if line.strip():
            label, address = line.split()[:2]
            yield "LSI"[int(label)], int(address, 16) & ~3, 4


def replay(records, levels, page_shift):
    """levels: {"d": first level of data, "i": of fetches or None, "l2": shared or None}."""
    counts = {"records": 0, "loads": 0, "stores": 0, "fetches": 0, "straddles": 0}
    pages_touched = set()
    for kind, address, size in records:
        counts["records"] += 1
        first = levels["i"] if kind == "I" else levels["d"]
        if first is None:
            continue
        low, high = address >> page_shift, (address + size - 1) >> page_shift
        for access in {"I": ["fetches"], "L": ["loads"], "S": ["stores"],
                       "M": ["loads", "stores"]}[kind]:
            counts[access] += 1
            counts["straddles"] += high > low
            for page in range(low, high + 1):
                pages_touched.add(page)
                if not first.look_up(page) and levels["l2"] is not None:
                    levels["l2"].look_up(page)
    counts["pages"] = len(pages_touched)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", help="lackey or din text; - for standard input")
    parser.add_argument("--format", choices=["lackey", "din"], default="lackey")
    parser.add_argument("--l1", type=geometry, default=(64, 4), metavar="ENTRIESxWAYS")
    parser.add_argument("--l2", type=geometry, default=(1536, 12), metavar="ENTRIESxWAYS")
    parser.add_argument("--no-l2", action="store_true")
    parser.add_argument("--itlb", type=geometry, metavar="ENTRIESxWAYS")
    parser.add_argument("--page-shift", type=int, default=12, metavar="BITS")
    parser.add_argument("--limit", type=int, metavar="RECORDS", help="stop after that many records")
    options = parser.parse_args()

    levels = {"d": Level(*options.l1), "i": Level(*options.itlb) if options.itlb else None,
              "l2": None if options.no_l2 else Level(*options.l2)}
    lines = sys.stdin if options.trace == "-" else open(options.trace, encoding="ascii")
    records = {"lackey": lackey_records, "din": din_records}[options.format](lines)
    if options.limit is not None:
        records = (record for record, _ in zip(records, range(options.limit)))
    result = replay(records, levels, options.page_shift)
    for name, level in (("l1", levels["d"]), ("itlb", levels["i"]), ("l2", levels["l2"])):
        if level is not None:
            result[name] = level.counts()
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
