"""What a verb stands on: the project, what runs of it, who holds what, and how it looks."""
