"""The reference pages are those that the program prints: docs/reference/NAME.md; TAP.

usage: docs.py [--update] MDLSIM SOURCE_ROOT

Each page of `mdlsim manual` is compared with its file; --update writes the files. What README.md
shows of a story, its text, its summary and parts of its trace, must be what the program gives.
"""
import argparse
import difflib
import os
import re
import subprocess
import sys

LINES_SHOWN = 20
STORY = os.path.join('scenarios', 'stories', 'direct-io-read.yaml')


def output_of(mdlsim, *words):
    return subprocess.run([mdlsim, *words], check=True, stdout=subprocess.PIPE).stdout.decode()


def read(path):
    if not os.path.exists(path):
        return ''
    with open(path, encoding='utf-8') as file:
        return file.read()


def compare(path, page):
    """Lines that tell how the file differs from the page; none when it does not."""
    stored = read(path)
    if stored == page:
        return []
    lines = difflib.unified_diff(stored.splitlines(), page.splitlines(), 'stored', 'printed',
                                 n=0, lineterm='')
    return list(lines)[:LINES_SHOWN] or ['line ends differ']


def bare(text):
    """The text without white space, which README breaks lines with, and commas between events."""
    return re.sub(r'\s', '', text).replace('},{', '}{')


def readme_problems(mdlsim, root):
    """Blocks of README.md about the story that are not so."""
    story = os.path.join(root, STORY)
    done = subprocess.run([mdlsim, 'run', '-o', '-', story], check=True, capture_output=True)
    trace, summary = bare(done.stdout.decode()), done.stderr.decode()
    blocks = re.findall(r'^```(\w*)\n(.*?)^```$', read(os.path.join(root, 'README.md')),
                        re.MULTILINE | re.DOTALL)
    wrong = []
    for kind, block in blocks:
        truth = {'yaml': bare(read(story)), '': bare(summary), 'json': trace}.get(kind)
        parts = block.split('\n...\n') if truth is not None else []
        wrong += ['not so: ' + part.splitlines()[0] for part in parts if bare(part) not in truth]
    kinds = {kind for kind, _ in blocks}
    wrong += [f'no block of {kind or "a summary"}' for kind in ('yaml', '', 'json')
              if kind not in kinds]
    return wrong


def main():
    parser = argparse.ArgumentParser(description='Compares the reference with its pages.')
    parser.add_argument('--update', action='store_true', help='write the pages')
    parser.add_argument('mdlsim')
    parser.add_argument('root')
    options = parser.parse_args()
    folder = os.path.join(options.root, 'docs', 'reference')
    names = output_of(options.mdlsim, 'manual', '-q').split()
    pages = {name + '.md': output_of(options.mdlsim, 'manual', name) for name in names}
    if options.update:
        os.makedirs(folder, exist_ok=True)
        for name, page in pages.items():
            with open(os.path.join(folder, name), 'w', encoding='utf-8', newline='\n') as file:
                file.write(page)
    stored = set(os.listdir(folder)) if os.path.isdir(folder) else set()
    problems = {name: compare(os.path.join(folder, name), page) for name, page in pages.items()}
    problems.update((name, ['there is no such page']) for name in stored - set(pages))
    problems['README.md'] = readme_problems(options.mdlsim, options.root)
    print(f'1..{len(problems)}')
    for number, (name, lines) in enumerate(sorted(problems.items()), 1):
        print(f"{'not ok' if lines else 'ok'} {number} - {name}")
        for line in lines:
            print(f'# {line}')
    if any(problems.values()):
        print('# to accept: python3 tests/tidy/docs.py --update MDLSIM SOURCE_ROOT')
    return 1 if any(problems.values()) else 0


if __name__ == '__main__':
    sys.exit(main())
