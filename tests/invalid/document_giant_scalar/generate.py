"""One value of 15 MiB, on one line."""
import sys

sys.stdout.write('mdlsim: 1\nname: ')
for _ in range(15):
    sys.stdout.write('x' * (1 << 20))
