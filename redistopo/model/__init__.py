"""Pure: what is asked, planned and seen, and the rules between them. No I/O here."""
