"""Where ``neocog`` and ``python -m neocog`` (what torchrun starts) begin: Ctrl-C is listened to before anything is imported."""

from neocog.cli import ctrl_c


def main() -> None:
    """Run the command line."""
    ctrl_c.listen()
    from neocog.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
