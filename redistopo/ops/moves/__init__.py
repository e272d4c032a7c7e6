"""What several verbs do to servers; each move is planned elsewhere and only done here."""
