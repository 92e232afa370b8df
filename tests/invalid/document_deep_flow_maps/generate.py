"""100,000 mappings in each other, flow style."""
import sys

sys.stdout.write('mdlsim: 1\nname: Deep\nsteps: ' + '{a: ' * 100000)
