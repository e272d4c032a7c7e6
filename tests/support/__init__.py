"""What real tests share: leased ports, projects run by the installed command, an own judge."""
