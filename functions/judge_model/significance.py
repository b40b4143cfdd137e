"""Whether two classifiers that were tried on the same photos differ by more than chance."""


def mcnemar_p(only_first_right: int, only_second_right: int) -> float:
    """The exact two-sided p-value of McNemar's test on the two discordant counts (1.0 when both are 0).

    Under no difference each discordant photo is a fair coin, so the smaller count is Binomial(n, 1/2):
    p = min(1, 2 * P(X <= min(b, c))). McNemar, Psychometrika 12 (1947) 153-157; exact form:
    Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013) 91.
    """
    discordant = only_first_right + only_second_right
    ways = total = 1
    for drawn in range(min(only_first_right, only_second_right)):
        ways = ways * (discordant - drawn) // (drawn + 1)
        total += ways
    # Whole numbers up to the division: 2**n is beyond a float from n = 1024 on.
    return min(1.0, 2 * total / (1 << discordant))
