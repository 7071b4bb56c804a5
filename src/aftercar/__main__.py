"""`python -m aftercar` is the command `aftercar`."""

from aftercar.cli import main

if __name__ == "__main__":
    main()
