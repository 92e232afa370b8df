"""A link to a device that never ends."""
import os

os.symlink('/dev/zero', 'scenario.yaml')
