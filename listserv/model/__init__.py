"""The tables: people, posts, outbox, archive, digests. Rows have no behaviour beyond validation: stages have."""

from listserv.model.archive import Change, Feed, Session, ThreadEdit
from listserv.model.audit import Audit, Incident, IncidentKind, IncidentState, Salt
from listserv.model.bounces import Bounce
from listserv.model.digests import DigestFormat, Edition, Issue, IssueKind
from listserv.model.intake import Fetched, Outcome
from listserv.model.life import Application, ApplicationState, Campaign, Following, TermsText
from listserv.model.outbox import Attempt, Delivery, DeliveryKind, DeliveryState, Notice
from listserv.model.people import (
    Address,
    Agreement,
    Confirmation,
    Credential,
    Person,
    Role,
    RoleName,
    Status,
    Subscription,
)
from listserv.model.posts import (
    Arrival,
    ArrivalState,
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
    "Application",
    "ApplicationState",
    "Arrival",
    "ArrivalState",
    "Attempt",
    "Audit",
    "Bounce",
    "Campaign",
    "Change",
    "Confirmation",
    "Credential",
    "Decision",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "DigestFormat",
    "Edition",
    "Emergency",
    "Feed",
    "Fetched",
    "Following",
    "Incident",
    "IncidentKind",
    "IncidentState",
    "Issue",
    "IssueKind",
    "Message",
    "Notice",
    "Outcome",
    "Person",
    "Post",
    "PostState",
    "Purpose",
    "Quarantine",
    "QuarantineState",
    "Refusal",
    "Role",
    "RoleName",
    "Salt",
    "Session",
    "Status",
    "Subscription",
    "TermsText",
    "ThreadEdit",
    "Token",
]
