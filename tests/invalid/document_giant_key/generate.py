"""A key that is one byte too long."""
import sys

sys.stdout.write('mdlsim: 1\nname: Giant\n? "' + 'k' * 65537 + '"\n: 1\n')
