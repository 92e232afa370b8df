"""UTF-16, big-endian."""
import sys

sys.stdout.buffer.write('\ufeffmdlsim: 1\nname: x\n'.encode('utf-16-be'))
