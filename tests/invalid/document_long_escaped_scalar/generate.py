"""A value of 64 KiB and one byte, written as ten times as many."""
import sys

sys.stdout.write('mdlsim: 1\nname: "' + '\\U00000041' * 65537 + '"\n')
