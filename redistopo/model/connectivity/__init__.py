"""Which nodes can reach each other, what keeps the others apart, and how to say so; pure."""
