"""Half of a surrogate pair."""
import sys

sys.stdout.buffer.write(b'mdlsim: 1\nname: a\xed\xa0\x80b\n')
