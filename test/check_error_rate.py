"""`check_error_rate.py RECIPE_DIR DECODE/SET/MODE LIMIT`: is the error rate of a smoke run at most LIMIT percent?

LIMIT is that of the WER, as in 30, or names another measure, as in cer:60.
"""

import json
import sys
from pathlib import Path


def main(folder, where, limit):
    measure, _, limit = limit.rpartition(":")
    measure = measure or "wer"
    found = sorted(Path(folder).glob(f"exp/*/{where}/score_{measure}/result.json"))
    if len(found) != 1:
        return f"{where}: {len(found)} results, not one, in {folder}"
    rate = json.loads(found[0].read_text(encoding="utf-8"))["total"]["error_rate"]
    print(f"{where}: {rate:.1f}% {measure.upper()}, at most {limit}% wanted")
    return 0 if rate <= float(limit) else f"{where}: {rate:.1f}% {measure.upper()} is over {limit}%"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
