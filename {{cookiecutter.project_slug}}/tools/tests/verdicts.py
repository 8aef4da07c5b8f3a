"""Verdicts for the tests of what reads them."""

from typing import Any


def check(name: str, passed: bool = True) -> dict[str, Any]:
    return {"group": "service levels", "name": name, "expected": "at most 5", "actual": "7", "passed": passed}


def row(name: str, requests: int, p95: float | None, method: str | None = "GET", failures: int = 0) -> dict[str, Any]:
    figures = {"requests": requests, "failures": failures, "requests_per_second": requests / 10}
    return {"method": method, "name": name, **figures, "p50": p95 and 10, "p95": p95, "p99": p95 and 40}


def verdict(
    *checks: dict[str, Any], doubts: tuple[str, ...] = (), rows: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    """A document verdict.json with these checks; its total has the requests of all rows."""
    total = row(
        "Aggregated", sum(r["requests"] for r in rows), 30, method=None, failures=sum(r["failures"] for r in rows)
    )
    return {
        "version": 1,
        "outcome": "passed" if all(c["passed"] for c in checks) else "failed",
        "checks": list(checks),
        "doubts": list(doubts),
        "run": {
            "started": "2026-11-29T12:00:00+00:00",
            "seconds": 30.2,
            "revision": "3f2a91c",
            "host": "http://server:8000",
        },
        "settings": {"num_users": 10, "tags": ["a", "b"]},
        "versions": {"locust": "2.47.0", "python": "3.13.1"},
        "statistics": {"total": total, "requests": list(rows)},
    }
