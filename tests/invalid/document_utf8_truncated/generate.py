"""The file ends inside a character."""
import sys

sys.stdout.buffer.write(b'mdlsim: 1\nname: a\xe2\x82')
