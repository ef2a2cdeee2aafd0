"""What can become of a message: the collector's answer, its refusal, or silence."""

from dataclasses import dataclass

from protocol.enrol import Enrolled
from protocol.messages import Applied, HeartbeatReply, HelloReply
from protocol.problems import ProblemType
from protocol.roster import RosterReply
from protocol.usage import UsageReply


@dataclass(frozen=True, slots=True)
class Rejected:
    """The collector answered with a problem. ``type`` is None when it is none of the protocol's.

    ``retry_after`` is in seconds, 0 when the answer did not say.
    """

    type: ProblemType | None
    status: int
    detail: str
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No collector answered, or not with an answer: whether the message arrived is not known."""

    detail: str


Reply = HelloReply | Applied | HeartbeatReply | Enrolled | RosterReply | UsageReply
Outcome = Reply | Rejected | Unreachable
