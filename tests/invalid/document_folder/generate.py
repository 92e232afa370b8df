"""A folder in place of a file."""
import os

os.mkdir('scenario.yaml')
