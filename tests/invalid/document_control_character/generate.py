"""An escape character, as a terminal takes it."""
import sys

sys.stdout.write('mdlsim: 1\nname: \x1b[31mred\n')
