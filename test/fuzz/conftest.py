"""How long the fuzz tests go on, and with which cases.

By default the same cases each time, 60 s together at most. JSTASR_FUZZ_SECONDS=600 in the environment: random cases
for as long.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, settings

SECONDS = float(os.environ.get("JSTASR_FUZZ_SECONDS", "0"))
BUDGET = SECONDS or 54.0  # the rest is for starting and cleaning up
TESTS = 4  # that share the budget

settings.register_profile(
    "fuzz",
    derandomize=not SECONDS,
    max_examples=max(200, int(10 * SECONDS)),  # more than there is time for; those left over cost a moment each
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class Budget:
    """The time of one test; once a case has failed it has no end, so that hypothesis finds the smallest such case."""

    def __init__(self):
        self.end = time.monotonic() + BUDGET / TESTS
        self.failed = False

    def is_spent(self):
        return not self.failed and time.monotonic() > self.end


@pytest.fixture
def budget():
    return Budget()
