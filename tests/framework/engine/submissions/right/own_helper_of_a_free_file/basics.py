"""The helper of a file that may import torch imports torch."""

from helper import add
