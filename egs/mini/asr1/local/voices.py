"""Who speaks: variants of espeak-ng's voices, in Debian's espeak-ng-data and in espeakng-loader."""

TRAIN = (
    "m1", "m2", "m3", "m4", "m5", "m7", "f1", "f2", "f3", "f4",
    "Alex", "Annie", "adam", "belinda", "max", "michel", "paul", "robert", "steph", "victor",
)  # fmt: skip
# Heard in one set only: what dev chooses must also hold for voices that nobody trained on.
DEV_ONLY = ("m6", "f5", "edward", "Andrea")
TEST_ONLY = ("m8", "Mike", "linda", "quincy", "pedro", "anika")


def voices_of(part):
    """Variants that speak in a set."""
    return TRAIN + {"train": (), "dev": DEV_ONLY, "test": TEST_ONLY, "test_rare": TEST_ONLY}[part]


def variant_of(speaker):
    """espeak-ng's name of a speaker; speaker ids are the names in lower case."""
    return {name.lower(): name for name in TRAIN + DEV_ONLY + TEST_ONLY}[speaker]
