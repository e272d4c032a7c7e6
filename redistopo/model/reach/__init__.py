"""Who reaches whom, what keeps the others apart, and the words for it; pure."""
