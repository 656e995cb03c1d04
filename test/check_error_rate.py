"""`check_error_rate.py RECIPE_DIR DECODE/SET/MODE LIMIT`: is the WER of a smoke run at most LIMIT percent?"""

import json
import sys
from pathlib import Path


def main(folder, where, limit):
    found = sorted(Path(folder).glob(f"exp/*/{where}/score_wer/result.json"))
    if len(found) != 1:
        return f"{where}: {len(found)} results, not one, in {folder}"
    rate = json.loads(found[0].read_text(encoding="utf-8"))["total"]["error_rate"]
    print(f"{where}: {rate:.1f}% WER, at most {limit}% wanted")
    return 0 if rate <= float(limit) else f"{where}: {rate:.1f}% WER is over {limit}%"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
