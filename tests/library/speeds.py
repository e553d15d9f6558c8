"""The fast step where its results are compared with plain ones."""

from dataclasses import replace

from unetlib.speed.options import FAST

# On processors with AMX, FAST multiplies bfloat16, whose rounding is no mistake.
EXACT = replace(FAST, bfloat16=False)
