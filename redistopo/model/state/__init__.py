"""What was observed, recorded and found: the values that all other rooms pass around; pure."""
