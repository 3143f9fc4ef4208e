"""The front door: how a post comes into the house (SMTP, LMTP, IMAP, standard input) and the instant of acceptance."""
