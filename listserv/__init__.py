"""listserv: mailing lists, moderation by reply and digests for closed professional communities."""

__version__ = "0.1.0"
