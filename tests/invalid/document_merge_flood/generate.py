"""One merge key with a list of 100,001 aliases."""
import sys

sys.stdout.write('mdlsim: 1\nname: Flood\nx-a: &a {}\n')
sys.stdout.write('vars: {<<: [' + ', '.join(['*a'] * 100001) + ']}\n')
