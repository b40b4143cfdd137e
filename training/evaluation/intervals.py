"""How far a share that was counted on some photos may lie from the true one."""

# Of the standard normal distribution, for 95 %.
_Z = 1.959964


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212; 0 to 1 of no photos.

    It keeps to 0 and 1, and holds for few photos as well: Brown, Cai and DasGupta, Statist. Sci. 16 (2001).
    """
    if not count:
        return 0.0, 1.0
    share, square = hits / count, _Z**2 / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * (share * (1 - share) / count + square / (4 * count)) ** 0.5 / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
