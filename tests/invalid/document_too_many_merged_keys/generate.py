"""6,000 keys of its own and 6,000 merged ones."""
import sys

sys.stdout.write('mdlsim: 1\nname: Many\nx-base: &base\n')
for i in range(6000):
    sys.stdout.write(f'  a{i}: 1\n')
sys.stdout.write('vars:\n  <<: *base\n')
for i in range(6000):
    sys.stdout.write(f'  b{i}: 1\n')
