"""One value of 15 MiB, in lines."""
import sys

sys.stdout.write('mdlsim: 1\nname: Giant\ndescription: |\n')
for _ in range(15 << 10):
    sys.stdout.write('  ' + '#' * 1021 + '\n')
