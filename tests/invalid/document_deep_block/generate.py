"""100,000 lists in each other, block style."""
import sys

sys.stdout.write('mdlsim: 1\nname: Deep\nsteps:\n  ' + '- ' * 100000)
