"""Pictures of alignments and the HTML report of an experiment."""
