"""One file a command: what it takes, the one verb it calls, the view it shows."""
