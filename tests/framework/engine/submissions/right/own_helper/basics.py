"""`add` comes from a helper module that was handed in too."""

from helper import add
