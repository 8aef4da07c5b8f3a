"""Shapes: curves of the number of users over time. `--shape pulse`, LOCUST_SHAPE or the start form chooses one.

Each function returns the number of users at a given second of the test. Add your own function to SHAPES to make it selectable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Settings of all shapes. Raises ValueError, which names the field, for an invalid value."""

    low: int = field(default=1, metadata={"help": "Lowest number of users"})
    high: int = field(default=50, metadata={"help": "Highest number of users"})
    period: int = field(default=120, metadata={"help": "Seconds until a shape is complete or repeats"})
    width: int = field(
        default=60,
        metadata={"help": "Duration in seconds of one pulse, spike or step; for soak, of the rise and of the fall"},
    )

    def __post_init__(self) -> None:
        if self.low < 0:
            raise ValueError(f"low is {self.low}: it must be at least 0")
        if self.high < max(self.low, 1):
            raise ValueError(f"high is {self.high}: it must be at least 1, and at least low ({self.low})")
        if self.period <= 0:
            raise ValueError(f"period is {self.period}: it must be at least 1 second")
        if not 0 < self.width <= self.period:
            raise ValueError(f"width is {self.width}: it must be at least 1 second, and at most period ({self.period})")

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Settings":
        """The settings among `values`, which may be strings."""
        numbers = {}
        for name in (setting.name for setting in fields(cls)):
            try:
                numbers[name] = int(values[name])
            except ValueError:
                raise ValueError(f"{name} is {values[name]!r}: it must be a whole number") from None
        return cls(**numbers)

    def between(self, share: float) -> int:
        """The number of users at this share of the range from low to high; shares outside of 0 to 1 are clipped."""
        return self.low + round((self.high - self.low) * min(max(share, 0), 1))


def constant(_second: float, settings: Settings) -> int:
    """Does it withstand this load? `high` users from the start."""
    return settings.high


def ramp(second: float, settings: Settings) -> int:
    """At how many users does it slow down? From `low` to `high` over one `period`, linearly."""
    return settings.between(second / settings.period)


def step(second: float, settings: Settings) -> int:
    """Which number of users can it sustain? From `low` to `high` over one `period`, a step every `width`."""
    return settings.between(second // settings.width / (settings.period // settings.width))


def spike(second: float, settings: Settings) -> int:
    """Does it survive a sudden spike, and recover? `high` for one `width` in the middle of the first `period`."""
    return pulse(second, settings) if second < settings.period else settings.low


def pulse(second: float, settings: Settings) -> int:
    """Does it scale out under each pulse, and back in? `high` for one `width` in the middle of every `period`."""
    from_middle = abs(second % settings.period - settings.period / 2)
    return settings.high if from_middle < settings.width / 2 else settings.low


def soak(second: float, settings: Settings) -> int:
    """Does it leak or degrade over hours? `high` for one `period`, with a rise and a fall of one `width` each."""
    return settings.between(min(second, settings.period - second) / settings.width)


SHAPES: dict[str, Callable[[float, Settings], int]] = {
    shape.__name__: shape for shape in (constant, ramp, step, spike, pulse, soak)
}
