"""A list of 100,001 aliases of one number."""
import sys

sys.stdout.write('mdlsim: 1\nname: Flood\nx-a: &a 1\n')
sys.stdout.write('x-b: [' + ', '.join(['*a'] * 100001) + ']\n')
