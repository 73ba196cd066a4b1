"""An award of more than all."""

share = lambda: 1e9
