"""Commands by mail to LIST-request and community-request, and those that were sent to a list by mistake.

`reading` finds them in the subject or the first own lines, `doing` carries them out. One mail gets one answer, at the
registered address. Whatever changes or tells something needs the proof of the sender that posting needs.
"""

from listserv.commands.doing import answer, is_command

__all__ = ["answer", "is_command"]
