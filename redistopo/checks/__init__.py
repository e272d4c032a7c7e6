"""Plan x Observed to Findings; pure, so each check has cases without a server."""
