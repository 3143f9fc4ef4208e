"""The tables: people, posts, outbox. Rows have no behaviour beyond validation; stages work on them."""

from listserv.model.outbox import Attempt, Delivery, DeliveryKind, DeliveryState, Notice
from listserv.model.people import (
    Address,
    Agreement,
    Credential,
    Person,
    Role,
    RoleName,
    Status,
    Subscription,
)
from listserv.model.posts import (
    Decision,
    Emergency,
    Message,
    Post,
    PostState,
    Purpose,
    Quarantine,
    QuarantineState,
    Refusal,
    Token,
)

__all__ = [
    "Address",
    "Agreement",
    "Attempt",
    "Credential",
    "Decision",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "Emergency",
    "Message",
    "Notice",
    "Person",
    "Post",
    "PostState",
    "Purpose",
    "Quarantine",
    "QuarantineState",
    "Refusal",
    "Role",
    "RoleName",
    "Status",
    "Subscription",
    "Token",
]
