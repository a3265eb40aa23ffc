"""Placeholder: the demo is not written yet."""

import sys

sys.exit("not yet")
