"""Two includes that are too long together."""
import sys

def part(name, length):
    with open(name, 'w', encoding='ascii') as file:
        for _ in range(length >> 10):
            file.write('#' * 1023 + '\n')
        file.write('seed: 1\n')


part('a.yaml', 9000)
part('b.yaml', 9000)
sys.stdout.write('mdlsim: 1\nname: Long\ninclude: [a.yaml, b.yaml]\n')
