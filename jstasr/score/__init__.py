"""Scores of recognised text: NIST sclite's alignment and reports, intervals, comparisons, RESULTS.md."""
