"""Load shapes. Locust follows one that locustfile.py imports: `from shapes import Pulse`."""

from locust import LoadTestShape


class Pulse(LoadTestShape):
    """Answers whether the service scales out under a pulse of load, and back in after it."""

    period = 120
    """Seconds from one pulse to the next."""
    width = 60
    """Seconds that a pulse lasts."""
    low, high = 1, 50
    """Users between pulses and during one."""

    def tick(self) -> tuple[int, float]:
        """Users wanted now, and how many of them to start or stop a second."""
        in_pulse = self.get_run_time() % self.period >= self.period - self.width
        return (self.high if in_pulse else self.low), 50
