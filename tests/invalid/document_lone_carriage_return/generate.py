"""Lines that end in CR."""
import sys

sys.stdout.buffer.write(b'mdlsim: 1\rname: x\r')
