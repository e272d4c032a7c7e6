"""Checks of a machine, a configuration and what surrounds a topology: `doctor`'s."""
