"""Ten aliases, each of which nests ten lists more."""
import sys

write = sys.stdout.write
write('mdlsim: 1\nname: Nested by aliases\nx-a0: &a0 [1]\n')
for i in range(1, 11):
    write(f"x-a{i}: &a{i} {'[' * 10}*a{i - 1}{']' * 10}\n")
