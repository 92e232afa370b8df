"""1,001 anchors."""
import sys

sys.stdout.write('mdlsim: 1\nname: Many\nx-list:\n')
for i in range(1001):
    sys.stdout.write(f'  - &a{i} 1\n')
