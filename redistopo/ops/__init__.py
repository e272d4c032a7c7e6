"""One verb, one file, one function that returns a Result."""
