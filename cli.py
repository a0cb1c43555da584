"""`python cli.py …` is `yt360 …`, for a checkout that is not installed."""

from yt360.cli.main import main

if __name__ == "__main__":
    main()
