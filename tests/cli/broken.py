"""What a broken invariant of mdlsim ends in; TAP.

usage: broken.py BROKEN
"""
import sys

import harness
from harness import same


def test_internal_error(bench):
    """An internal error is status 70, says where, and leaves the output as it was."""
    bench.write('trace.json', 'of an earlier run')
    done = bench.run('trace.json')
    same(done.returncode, harness.SOFTWARE)
    errors = done.stderr.decode()
    assert errors.startswith('mdlsim: internal error: ') and 'runs.c:' in errors, errors
    assert 'Please report it' in errors, errors
    same(bench.names(), ['trace.json'])
    same(bench.read('trace.json'), b'of an earlier run')


if __name__ == '__main__':
    sys.exit(harness.main(dict(globals())))
