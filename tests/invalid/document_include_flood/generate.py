"""Four files, each of which includes the next twenty times."""
import sys

for i in range(4):
    with open(f'a{i}.yaml', 'w', encoding='ascii') as file:
        file.write('include: [' + ', '.join([f'a{i + 1}.yaml'] * 20) + ']\n')
with open('a4.yaml', 'w', encoding='ascii') as file:
    file.write('seed: 1\n')
sys.stdout.write('mdlsim: 1\nname: Flood\ninclude: a0.yaml\n')
