"""One key 10,000 times: 20 errors are shown."""
import sys

sys.stdout.write('mdlsim: 1\nname: Many\nvars:\n')
sys.stdout.write('  a: 1\n' * 10000)
