"""From the name of a tier to the tier, whose library is imported only now."""

from handler.errors import InvalidRequest
from handler.tiers.tier import SERVINGS, Tier


def tier_of(serving: str, url: str) -> Tier:
    """Return the tier of this name for the index whose folder has this URL.

    Raises:
        InvalidRequest: there is no such tier.
        MissingEngine: the tier needs a library that is not installed.
    """
    if serving == "lance":
        from handler.tiers.lance.tier import LanceTier

        return LanceTier.at(url)
    if serving == "s3vectors":
        from handler.tiers.s3vectors.tier import VectorsTier

        return VectorsTier.at(url)
    raise InvalidRequest(f"{serving!r} serves no index; use one of {', '.join(SERVINGS)}")
