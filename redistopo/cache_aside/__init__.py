"""cache_aside: say in one line what lives here."""
