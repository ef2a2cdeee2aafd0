"""Errors that mean something to the agent's callers.

AgentError
├── ConfigError          the configuration is wrong; lists every problem
└── EngineError          the engine's API
    ├── EngineUnavailableError   nobody answers, or not in time: try again later
    │   └── EngineQuietError     its events: none came for a while, which may mean that none happened
    ├── EngineForbiddenError     the socket is there and this user may not use it: a person has to act
    └── EngineRefusedError       the engine answered with an error, or with something that is no answer
"""


class AgentError(Exception):
    """A sentence for the operator: what is wrong, where, and what to do."""


class ConfigError(AgentError):
    """The configuration cannot be used; ``problems`` are sentences, each names its setting."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class EngineError(AgentError):
    """The engine's API did not give what was asked."""


class EngineUnavailableError(EngineError):
    """Nobody answers at the engine's address, or the connection broke."""


class EngineQuietError(EngineUnavailableError):
    """No event came for a while: nothing happened, or the stream hangs."""


class EngineForbiddenError(EngineError):
    """The engine's socket refuses this user."""


class EngineRefusedError(EngineError):
    """The engine answered with an error, or with something that is no answer."""
