"""The machinery of `doctor`: facts of a machine, a configuration and its surroundings, judged."""
