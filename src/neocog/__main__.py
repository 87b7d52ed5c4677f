"""``python -m neocog``: what torchrun starts."""

from neocog.cli import main

if __name__ == "__main__":
    main()
