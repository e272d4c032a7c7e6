"""The machinery of `drill`: fault, load, observation, recovery and report."""
