"""Validates stored traces and scenarios against the schemas that mdlsim prints; TAP.

usage: schema.py MDLSIM SOURCE_ROOT

traces/**/*.json (not traces/inputs) against `mdlsim schema trace`, scenarios/**/*.yaml against
`mdlsim schema scenario`. That the schemas are strict is tested too: copies of valid documents with
one mistake must be refused.
"""
import copy
import json
import os
import re
import subprocess
import sys

import jsonschema
import yaml


def unique(pairs):
    """An object's members; a second one of the same key is a mistake that json.load hides."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError('a key stands twice')
    return result


class Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    """YAML as mdlsim reads it: `on` and `off` are words."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if not (tag == 'tag:yaml.org,2002:bool' and first not in 'tTfF')
            and tag not in ('tag:yaml.org,2002:float', 'tag:yaml.org,2002:timestamp')]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Pieces:
    """A validator that takes a document apart and looks at equal pieces once.

    Traces differ little from each other: most of their settings and statistics are the same. An
    object whose schema lists its members is checked without them, then each member by itself.
    """

    DEPTH = 3

    def __init__(self, schema):
        jsonschema.Draft7Validator.check_schema(schema)
        self.schema = schema
        self.resolver = jsonschema.RefResolver.from_schema(schema)
        self.valid = set()

    def problems(self, document, most=5):
        """The deepest causes, so that a failed `anyOf` says which step is at fault."""
        lines = []
        for where, cause in self.causes((), self.schema, document):
            path = '/'.join(str(part) for part in where + tuple(cause.absolute_path))
            lines.append(f'{path}: {cause.message[:300]}')
            if len(lines) == most:
                break
        return lines

    def causes(self, where, schema, value):
        if len(where) < self.DEPTH and '$ref' not in schema:
            if isinstance(value, dict) and 'properties' in schema:
                yield from self.members(where, schema, value)
                return
            if isinstance(value, list) and isinstance(schema.get('items'), dict):
                yield from self.whole(where, dict(schema, items={}), value, 'items')
                for i, item in enumerate(value):
                    yield from self.whole(where + (i,), schema['items'], item)
                return
        yield from self.whole(where, schema, value)

    def members(self, where, schema, value):
        patterns = schema.get('patternProperties', {})
        shallow = dict(schema, properties={k: {} for k in schema['properties']})
        if patterns:
            shallow['patternProperties'] = {k: {} for k in patterns}
        yield from self.whole(where, shallow, dict.fromkeys(value), 'members')
        for key, member in value.items():
            below = [schema['properties'][key]] if key in schema['properties'] else []
            below += [s for pattern, s in patterns.items() if re.search(pattern, key)]
            for one in below:
                yield from self.causes(where + (key,), one, member)

    def whole(self, where, schema, value, part=None):
        place = [step for step in where if isinstance(step, str)]
        known = json.dumps([place, part or id(schema), value], default=str)
        if known in self.valid:
            return
        found = False
        validator = jsonschema.Draft7Validator(schema, resolver=self.resolver)
        for error in validator.iter_errors(value):
            found, cause = True, error
            while cause.context:
                cause = max(cause.context, key=lambda e: len(e.absolute_path))
            yield where, cause
        if not found:
            self.valid.add(known)


def schema_of(mdlsim, which):
    text = subprocess.run([mdlsim, 'schema', which], check=True, stdout=subprocess.PIPE).stdout
    return Pieces(json.loads(text, object_pairs_hook=unique))


def files(root, folder, ending):
    found = []
    for path, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = sorted(f for f in folders if f not in ('inputs', 'fragments'))
        found += [os.path.join(path, n) for n in names if n.endswith(ending)]
    return sorted(found)


def alike(event):
    """Events that differ in nothing but their number are valid or not together."""
    seq = event.get('seq')
    counted = isinstance(seq, int) and seq >= 0
    return json.dumps(dict(event, seq=0) if counted else event, sort_keys=True)


def load_trace(path):
    """The trace; of events that are alike only the first."""
    with open(path, encoding='utf-8') as file:
        trace = json.load(file, object_pairs_hook=unique)
    trace['events'] = list({alike(event): event for event in trace['events']}.values())
    return trace


def load_scenario(path):
    with open(path, encoding='utf-8') as file:
        return yaml.load(file, Loader)


def mistakes_of_trace(trace):
    """Documents that must not validate."""
    def changed(change):
        document = copy.deepcopy(trace)
        change(document)
        return document
    yield 'a member too many', changed(lambda t: t.update(more=1))
    yield 'no stats', changed(lambda t: t.pop('stats'))
    yield 'another format', changed(lambda t: t['mdlsim'].update(format=2))
    yield 'an unknown statistic', changed(lambda t: t['stats'].update(more=1))
    yield 'an unknown setting', changed(lambda t: t['config']['mm'].update(more=1))
    if trace['events']:
        yield 'an unknown routine', changed(lambda t: t['events'][0].update(call='IoNothing'))
        yield 'a count below 0', changed(lambda t: t['events'][0].update(cycles=-1))
        yield 'an unknown cost', changed(lambda t: t['events'][0].update(cost={'more': 1}))


def mistakes_of_scenario(scenario):
    def changed(change):
        document = copy.deepcopy(scenario)
        change(document)
        return document
    yield 'an unknown key', changed(lambda s: s.update(more=1))
    yield 'no name', changed(lambda s: s.pop('name'))
    yield 'an unknown action', changed(lambda s: s.update(steps=[{'IoNothing': {}}]))
    yield 'two actions', changed(lambda s: s.update(steps=[{'delay': 1, 'assert': True}]))
    yield 'an unknown argument', changed(
        lambda s: s.update(steps=[{'IoFreeMdl': {'Mdl': '$m', 'More': 1}}]))
    yield 'an argument too many', changed(lambda s: s.update(steps=[{'IoFreeMdl': ['$m', 1]}]))
    yield 'one of two arguments alone', changed(
        lambda s: s.update(steps=[{'IoAllocateMdl': '$buf'}]))


class Tap:
    """Counts and prints results."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, name, lines):
        self.count += 1
        self.failed += bool(lines)
        print(('not ok' if lines else 'ok') + f' {self.count} - {name}')
        for line in lines:
            print('# ' + line)


def check_all(tap, validator, root, paths, load, mistakes):
    good = None
    for path in paths:
        try:
            document = load(path)
            lines = validator.problems(document)
        except (ValueError, yaml.YAMLError) as error:
            document, lines = None, [str(error)]
        if not lines:
            good = document
        tap.result(os.path.relpath(path, root), lines)
    if good is None:
        tap.result('at least one valid document', ['there is none'])
        return
    for what, document in mistakes(good):
        tap.result('refuses ' + what, [] if validator.problems(document) else ['it is accepted'])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    mdlsim, root = sys.argv[1:]
    tap = Tap()
    check_all(tap, schema_of(mdlsim, 'trace'), root, files(root, 'traces', '.json'), load_trace,
              mistakes_of_trace)
    check_all(tap, schema_of(mdlsim, 'scenario'), root, files(root, 'scenarios', '.yaml'),
              load_scenario, mistakes_of_scenario)
    print(f'1..{tap.count}')
    sys.exit(1 if tap.failed else 0)


main()
