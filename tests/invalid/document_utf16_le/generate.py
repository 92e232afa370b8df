"""UTF-16, little-endian."""
import sys

sys.stdout.buffer.write('\ufeffmdlsim: 1\nname: x\n'.encode('utf-16-le'))
