"""100,000 mappings as keys of each other."""
import sys

sys.stdout.write('? ' * 100000)
