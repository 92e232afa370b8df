"""Latin-1 behind some UTF-8 on the same line."""
import sys

sys.stdout.buffer.write('mdlsim: 1\nname: Stra\u00dfe, '.encode() + b'Stra\xdfe\n')
