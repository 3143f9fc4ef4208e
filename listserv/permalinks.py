"""Where a post is found in the archive, for ever: its tag, its address on the web, and the address that answers it.

The tag is a hash of the Message-ID (mail.threads.tag_of), never a number, so that it outlives any rebuild. Copies carry
the address as Archived-At (RFC 5064).
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from listserv.mail.threads import tag_of
from listserv.model import Post
from listserv.settings import Settings

_post = Post.__table__  # type: ignore[attr-defined]
_TAKEN = select(_post.c.id).where(_post.c.tag == bindparam("tag"), _post.c.list_name == bindparam("list")).limit(1)


def new_tag(tx: Connection, list_name: str, message_id: str, content_hash: str) -> str:
    """The tag of a new post: that of its Message-ID, or one of its own where the list has had that ID before."""
    tag = tag_of(message_id)
    if tx.execute(_TAKEN, {"tag": tag, "list": list_name}).first() is None:
        return tag
    return tag_of(message_id, content_hash)


def message_id_of(tx: Connection, list_name: str, tag: str) -> str | None:
    """The Message-ID behind a tag."""
    query = select(_post.c.message_id_header).where(_post.c.tag == tag, _post.c.list_name == list_name)
    found = tx.execute(query.limit(1)).scalar()
    return None if found is None else str(found)


def url(settings: Settings, list_name: str, tag: str) -> str:
    """The permalink of a message."""
    return f"{settings.community.url}/archive/{list_name}/m/{tag}"


def answer_address(settings: Settings, list_name: str, tag: str) -> str:
    """The address by which an answer reaches the thread of a message, whatever the mail program leaves out."""
    return f"{list_name}+t.{tag}@{settings.domain}"
