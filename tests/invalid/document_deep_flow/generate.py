"""100,000 lists in each other, flow style."""
import sys

sys.stdout.write('mdlsim: 1\nname: Deep\nsteps: ' + '[' * 100000)
