"""`python -m listserv` is the same as the `listserv` program."""

from listserv.cli import main

main()
