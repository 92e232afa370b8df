"""A slash in two bytes."""
import sys

sys.stdout.buffer.write(b'mdlsim: 1\nname: a\xc0\xafb\n')
