#!/usr/bin/env python3
"""In every stored trace costs sum to cycles, events to busy time, states to totals."""
import json
import pathlib
import sys


def faults_of(trace):
    """Yields a sentence for each sum that does not hold."""
    by_cpu = {}
    for event in trace["events"]:
        total = sum(event.get("cost", {}).values())
        if total != event["cycles"]:
            yield f"event {event['seq']}: costs sum to {total}, cycles are {event['cycles']}"
        by_cpu[event["cpu"]] = by_cpu.get(event["cpu"], 0) + event["cycles"]
    for name, cpu in trace["stats"]["cpu"].items():
        spent = by_cpu.get(int(name[3:]), 0)
        if spent != cpu["busy"]:
            yield f"{name}: events sum to {spent}, busy is {cpu['busy']}"
        costs = sum(cpu["cost"].values())
        if costs != cpu["busy"] + cpu["interrupts"]:
            yield f"{name}: costs sum to {costs}, not to busy and interrupts"
    for region in trace["stats"]["pte_usage"].values():
        if region["free"] + region["in_use"]["now"] != region["total"]:
            yield "pte_usage: free and in_use do not sum to total"
    frames = trace["stats"]["memory"]["frames"]
    states = ("zeroed", "free", "standby", "modified", "active", "page_tables")
    if sum(frames[s]["now"] for s in states) != frames["total"]:
        yield "memory.frames: the states do not sum to total"


def main():
    root = pathlib.Path(sys.argv[1])
    files = sorted(p for p in root.glob("traces/**/*.json") if "inputs" not in p.parts)
    print(f"1..{max(len(files), 1)}")
    if not files:
        print("not ok 1 - there are stored traces")
        return 1
    bad = 0
    for number, path in enumerate(files, 1):
        with open(path, encoding="utf-8") as handle:
            faults = list(faults_of(json.load(handle)))
        bad += bool(faults)
        print(f"{'not ok' if faults else 'ok'} {number} - {path.relative_to(root / 'traces')}")
        for fault in faults[:5]:
            print(f"# {fault}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
