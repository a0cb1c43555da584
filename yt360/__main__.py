"""`python -m yt360` is `yt360`."""

from yt360.cli.main import main

if __name__ == "__main__":
    main()
