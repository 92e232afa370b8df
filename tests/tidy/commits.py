"""Each commit's subject is `area: what`, 60 characters at most, with no full stop at its end.

usage: commits.py SOURCE_ROOT; passes when SOURCE_ROOT is no git checkout.
"""
import os
import re
import subprocess
import sys

import csource

SUBJECT_MAX = 60
SUBJECT = re.compile(r'[a-z0-9][\w./,*{}+ -]*: \S.*[^.\s]')


def git(root, *arguments):
    """What git printed, None when it failed or is not there. The checkout may be another user's."""
    command = ['git', '-c', 'safe.directory=*', '-C', root, *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode(errors='replace') if done.returncode == 0 else None


def check_subject(report, commit, subject):
    if len(subject) > SUBJECT_MAX:
        report.error(commit, 1, f'subject of {len(subject)} characters, {SUBJECT_MAX} at most: '
                                f'{subject}')
    if SUBJECT.fullmatch(subject) is None:
        report.error(commit, 1, f'subject is not `area: what`: {subject}')


def main(root):
    top = git(root, 'rev-parse', '--show-toplevel')
    if top is None or os.path.realpath(top.rstrip('\n')) != os.path.realpath(root):
        print('not a git checkout: nothing to look at')
        return 0
    report = csource.Report()
    log = git(root, 'log', '--no-merges', '--format=%h %s')
    for line in (log or '').splitlines():
        commit, _, subject = line.partition(' ')
        check_subject(report, commit, subject)
    return report.status()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
