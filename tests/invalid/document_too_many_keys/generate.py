"""10,001 keys in one mapping."""
import sys

sys.stdout.write('mdlsim: 1\nname: Many\nvars:\n')
for i in range(10001):
    sys.stdout.write(f'  v{i}: 1\n')
