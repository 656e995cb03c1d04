"""Splitting the work on a data set into jobs, each of which may run on another machine."""


def part_of(items, job, num_jobs):
    """The job's contiguous share of a list; job from 1. The shares of all jobs make the list."""
    return items[len(items) * (job - 1) // num_jobs : len(items) * job // num_jobs]
