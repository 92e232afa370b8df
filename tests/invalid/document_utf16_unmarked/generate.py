"""UTF-16 without a byte order mark."""
import sys

sys.stdout.buffer.write('mdlsim: 1\nname: x\n'.encode('utf-16-le'))
