"""Redis's replies, logs and file formats, parsed and composed; pure."""
