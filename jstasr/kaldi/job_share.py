"""Splitting the work on a data set into jobs, each of which may run on another machine."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def job_share(items: Sequence[Item], job: int, num_jobs: int) -> Sequence[Item]:
    """The job's contiguous share of the items; job from 1. The shares of all jobs make up the whole."""
    return items[len(items) * (job - 1) // num_jobs : len(items) * job // num_jobs]
