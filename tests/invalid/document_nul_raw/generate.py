"""A NUL byte in a value."""
import sys

sys.stdout.write('mdlsim: 1\nname: a\0b\n')
