"""A FIFO that nobody writes to."""
import os

os.mkfifo('scenario.yaml')
