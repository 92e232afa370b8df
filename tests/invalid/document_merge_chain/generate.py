"""Eleven mappings of 10,000 keys, each passed on through a merge key."""
import sys

sys.stdout.write('mdlsim: 1\nname: Chain\nvars: ' + '{<<: ' * 11 + '{')
sys.stdout.write(', '.join(f'a{i}: 1' for i in range(10000)) + '}' * 12)
