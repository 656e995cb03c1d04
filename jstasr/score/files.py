"""The names of what scoring writes: a folder of reports for each scored set, and one page for all experiments."""

REF_TRN, HYP_TRN = "ref.trn", "hyp.trn"  # what was aligned
RAW_REF_TRN, RAW_HYP_TRN = "ref.raw.trn", "hyp.raw.trn"  # the same before cleaning and splitting
RESULT_TXT = "result.txt"  # sclite's report
ANALYSIS_TXT = "analysis.txt"  # confusions, worst utterances, error rates by group
RESULT_JSON = "result.json"  # all figures; see jstasr.score.schema
COMPARE_JSON = "compare.json"  # two systems on the same test set
RESULTS_PAGE = "RESULTS.md"
