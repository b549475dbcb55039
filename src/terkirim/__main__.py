"""`python -m terkirim`."""

from terkirim.cli.main import main

main()
