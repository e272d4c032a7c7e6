"""The application on top: a cache-aside web application, seen live."""
