"""Which targets are angles, by their names, and over which period they close: degrees over 360, radians over 2π."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from neocog.data.readers.reading import ambiguous

# "°C" is no angle, and neither is what turns so fast
OTHER_UNIT = re.compile(
    r"(°|degrees?|deg)[\s_.]*([cf]|celsius|fahrenheit)(?![^\W_])|"
    r"(°|degrees?|deg|radians?|rad)(/|[\s_]per[\s_])[^\W_]+"
)


def words(target: str) -> set[str]:
    """ "tilt angle [°]" → {"tilt", "angle", "°"}."""
    return set(re.findall(r"[^\W\d_]+|°", OTHER_UNIT.sub(" ", target.lower())))


DEGREES, RADIANS = words("deg degree degrees °"), words("rad rads radian radians")
UNITS = DEGREES | RADIANS
ANGLE = words("angle angles orientation direction heading bearing rotation azimuth") | UNITS


def period_of(target: str) -> float:
    """After how much an angle comes round again, by the name of the target; 0 of what is no angle.

    Without a unit an angle is in degrees: the reader stops where its values could be radians.

    >>> [period_of(name) for name in ("angle_rad", "heading", "tilt [°]", "temperature [°C]")]
    [6.283185307179586, 360.0, 360.0, 0.0]
    """
    found = words(target)
    return 0.0 if not found & ANGLE else 2 * math.pi if found & RADIANS else 360.0


def without_unit(target: str) -> bool:
    """Whether a name says that it is an angle, not in which unit."""
    found = words(target)
    return bool(found & ANGLE) and not found & UNITS


def refuse_doubtful(target: str, values: NDArray[np.float64], where: str) -> None:
    """Raises UserError where values (N,) of an angle without a unit all lie within one turn of radians, with decimals."""
    known = values[np.isfinite(values)]
    if without_unit(target) and (known % 1).any() and np.abs(known).max() <= 2 * math.pi + 0.01:
        span = f"{where}: {known.min():g} … {known.max():g}, within ±2π, and no unit in the name"
        degrees, radians = ("degrees", "--angles degrees"), ("radians", "--angles radians")
        raise ambiguous(f"column '{target}', an angle,", span, degrees, radians)


def unit_note(target: str) -> str:
    """In which unit an angle was read, for the evidence; "" of what is no angle."""
    period = period_of(target)
    unit = "radians, which close over 2π" if 0 < period < 360 else "degrees, which close over 360"
    return f"; an angle in {unit}, and turned with its image" if period else ""
