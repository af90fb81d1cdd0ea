"""``python -m vigilar`` is the command ``vigilar``."""

from vigilar.cli import main

if __name__ == "__main__":
    main()
