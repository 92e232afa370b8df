"""A link to a file that is not there."""
import os

os.symlink('nowhere.yaml', 'scenario.yaml')
