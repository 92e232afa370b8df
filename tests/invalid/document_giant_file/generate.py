"""A file that is one byte too long."""
import sys

sys.stdout.write('mdlsim: 1\n')
sys.stdout.write('#' * ((16 << 20) + 1 - len('mdlsim: 1\n')))
