"""``python -m redistopo`` is the installed command."""

from redistopo.cli.entry import main

if __name__ == "__main__":
    main(prog_name="redistopo")
