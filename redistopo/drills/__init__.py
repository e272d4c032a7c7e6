"""Breaking on purpose, measuring, judging, mending."""
