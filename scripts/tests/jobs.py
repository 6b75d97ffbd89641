"""Jobs: what the runner starts, and what came of it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Outcome:
    kind: str
    name: str
    state: str  # passed, failed, skipped
    seconds: float
    text: str = ""  # what it said, where that is worth a look
    again: str = ""  # the command that runs it alone


@dataclasses.dataclass
class Job:
    """One command that passes or fails as a whole."""
    kind: str
    name: str
    command: list
    timeout: float = 300
    slot: str = "cpu"  # waits: takes next to no processor; alone: nothing runs beside it
    environment: dict = dataclasses.field(default_factory=dict)
    folder: str | None = None
    skip_code: int | None = None
    always: bool = False  # in every share

    def tests(self):
        return [self.name]


@dataclasses.dataclass
class Batch(Job):
    """Tests of one GoogleTest program, run in one process for as long as it lives."""
    names: list = dataclasses.field(default_factory=list)

    def tests(self):
        return self.names

    def with_names(self, names):
        return dataclasses.replace(self, names=names)
