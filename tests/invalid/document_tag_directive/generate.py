"""100,000 %TAG directives, each of which libyaml compares with all others."""
import sys

for i in range(100000):
    sys.stdout.write(f'%TAG !a{i}! x\n')
sys.stdout.write('---\nmdlsim: 1\n')
