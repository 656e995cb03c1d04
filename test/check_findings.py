"""`check_findings.py RECIPE_DIR SPEECH_ONLY JOINT`: do two smoke runs show what the method is for?

JOINT, an experiment with unpaired text and the consistency loss, must have a lower WER on test_rare than SPEECH_ONLY,
in both modes; and its speech must lie nearer to its own text than to another's, the more so the deeper the layer.
"""

import itertools
import json
import sys
from pathlib import Path

TOLERANCE = 0.02  # by which the ratio may grow from one layer to the next


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def main(folder, speech_only, joint):
    folder, faults = Path(folder), []
    for mode in ("streaming", "full"):
        rates = [
            read(folder / name / "decode_beam4/test_rare" / mode / "score_wer/result.json")["total"]["error_rate"]
            for name in (speech_only, joint)
        ]
        print(f"test_rare, {mode}: {rates[0]:.1f}% WER in {speech_only}, {rates[1]:.1f}% in {joint}")
        if rates[1] >= rates[0]:
            faults.append(f"{mode}: text and consistency do not help: {rates[1]:.1f}% against {rates[0]:.1f}%")
    ratios = [layer["own_to_other"] for layer in read(folder / joint / "report/alignment.json")["layers"]]
    print("own / other's text, by layer:", *(f"{ratio:.2f}" for ratio in ratios))
    if any(after > before + TOLERANCE for before, after in itertools.pairwise(ratios)) or ratios[-1] >= ratios[0]:
        faults.append("the distance to the own text, relative to another's, does not fall with depth")
    return "; ".join(faults) or 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
