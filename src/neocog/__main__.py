"""``python -m neocog``: what torchrun starts."""

from neocog.cli.main import main

if __name__ == "__main__":
    main()
