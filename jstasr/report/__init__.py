"""Pictures of alignments, their measures at every layer, and the HTML report of an experiment."""
