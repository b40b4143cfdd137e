"""Photos that show nearly the same: resized, cropped a little, mirrored, brighter, or saved again.

Candidates have alike gradients in their thumbnails, all pairs by matrix products. The proof is how far the
thumbnails correlate, one of them cropped by up to a tenth to fit the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional

from training.doctor.looks import SIDE

# The correlation from which two photos count as the same; docs/doctor.md says how well that does.
SAME_FROM = 0.957
# Of gradients: what a crop of a twentieth leaves of the likeness, for nearly all photos.
_CANDIDATE_FROM = 0.5
_CANDIDATES = 3
# Grey levels: below this a thumbnail shows nothing that could be compared.
MIN_CONTRAST = 4.0
# More photos are compared within their class alone: the time grows with the square.
MAX_COMPARED = 20_000
_BLOCK = 512
_CORRELATED_TOGETHER = 128
_SCALES = (0.95, 0.9)
_PLACES = (0.0, 0.5, 1.0)
_COARSE = SIDE // 2
# A first proof, on 8 x 8 pixels, costs a fiftieth and leaves few for the second.
_POOL = SIDE // 8
_LIKELY_FROM = 0.85


@dataclass(frozen=True)
class Pair:
    """Rows of two photos, the first the smaller one, and the correlation of what they show."""

    first: int
    second: int
    similarity: float


def find_near_duplicates(thumbnails: torch.Tensor, labels: torch.Tensor) -> list[Pair]:
    """The pairs among thumbnails (N, SIDE, SIDE), in order; blank ones are in none."""
    if len(thumbnails) < 2:
        return []
    shown = (thumbnails.std((1, 2)) >= MIN_CONTRAST).nonzero().flatten()
    pairs = []
    for rows in _compared(shown, labels):
        # Square roots of the greys: a change of brightness moves them less where it is cut off at white.
        tones = thumbnails[rows].sqrt()
        candidates, mirrored = _candidates(tones)
        likely = _correlate(functional.avg_pool2d(tones, _POOL), candidates, mirrored) >= _LIKELY_FROM
        candidates, mirrored = candidates[likely], mirrored[likely]
        similarity = _correlate(_blurred(tones), candidates, mirrored)
        for place in (similarity >= SAME_FROM).nonzero().flatten().tolist():
            first, second = rows[candidates[place]].tolist()
            pairs.append(Pair(first, second, float(similarity[place])))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _compared(shown: torch.Tensor, labels: torch.Tensor) -> Iterator[torch.Tensor]:
    if len(shown) <= MAX_COMPARED:
        groups = [shown]
    else:
        groups = [shown[labels[shown] == label] for label in range(int(labels.max()) + 1)]
    return (rows for rows in groups if len(rows) > 1)


def _candidates(tones: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs (P, 2) of rows with alike gradients, and whether one of them is like the other's mirror image.

    A gradient image is the sum of an even and an odd part under mirroring; a mirror image has the odd one
    with the other sign. So one pass compares both ways.
    """
    even, odd = _gradients(tones)
    pairs, signs = [], []
    for start in range(0, len(even), _BLOCK):
        block = slice(start, start + _BLOCK)
        # Each photo with those after it: half of the square.
        odd_part = odd[block] @ odd[start:].T
        likeness = even[block] @ even[start:].T + odd_part.abs()
        likeness.masked_fill_(torch.ones_like(likeness, dtype=torch.bool).tril(), -1)
        values, partners = likeness.topk(min(_CANDIDATES, likeness.shape[1]), 1)
        row, rank = (values >= _CANDIDATE_FROM).nonzero(as_tuple=True)
        partner = partners[row, rank]
        pairs.append(torch.stack([row, partner], 1) + start)
        signs.append(odd_part[row, partner] < 0)
    return torch.cat(pairs), torch.cat(signs)


def _gradients(tones: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The even and the odd half (N, width) of each photo's gradients, together of length 1."""
    small = functional.avg_pool2d(tones[:, None], SIDE // _COARSE)[:, 0]
    across, down = small.diff(dim=2), small.diff(dim=1)
    # A mirror image has its gradients across with the other sign; the middle ones are wholly odd.
    half = _COARSE // 2
    left, right = across[..., : half - 1], across[..., half:].flip(2)
    upper, lower = down[..., :half], down[..., half:].flip(2)
    scale = 0.5**0.5
    even = torch.cat([((left - right) * scale).flatten(1), ((upper + lower) * scale).flatten(1)], 1)
    odd = torch.cat(
        [((left + right) * scale).flatten(1), across[..., half - 1], ((upper - lower) * scale).flatten(1)], 1
    )
    length = (even.square().sum(1) + odd.square().sum(1)).sqrt().clamp_min(1e-6)[:, None]
    return even / length, odd / length


def _correlate(tones: torch.Tensor, pairs: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    """The best correlation (P,) of each pair, either photo cropped to fit the other."""
    found = [torch.empty(0)]
    for start in range(0, len(pairs), _CORRELATED_TOGETHER):
        part = slice(start, start + _CORRELATED_TOGETHER)
        first, second = tones[pairs[part, 0]], tones[pairs[part, 1]]
        second = torch.where(mirrored[part, None, None], second.flip(2), second)
        found.append(torch.maximum(_fit(first, second), _fit(second, first)))
    return torch.cat(found)


def _fit(cropped: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """The best correlation (P,) of crops of the one with the other."""
    side = whole.shape[-1]
    crops = _crop_matrices(side).flatten(0, 1).T
    # Along x, then along y: two large products are far faster than many small ones.
    wide = (cropped.reshape(-1, side) @ crops).reshape(len(cropped), side, -1)
    tried = wide.transpose(1, 2).reshape(-1, side) @ crops
    tried = tried.reshape(len(cropped), -1, side, crops.shape[1] // side, side).transpose(2, 3).flatten(3)
    wanted = whole.transpose(1, 2).flatten(1)
    wanted = functional.normalize(wanted - wanted.mean(1, keepdim=True), dim=1)
    spread = (tried.square().sum(3) - tried.sum(3).square() / side**2).clamp_min(1e-6).sqrt()
    likeness = torch.einsum("pcdk,pk->pcd", tried, wanted) / spread
    return likeness.flatten(1).amax(1)


def _blurred(tones: torch.Tensor) -> torch.Tensor:
    """Means of 3 x 3 pixels: fine texture never lies on the same pixels in a crop."""
    return functional.avg_pool2d(functional.pad(tones[:, None], (1, 1, 1, 1), mode="replicate"), 3, 1)[:, 0]


def _crop_matrices(side: int) -> torch.Tensor:
    """(crops, side, side): each takes a line of pixels to a part of it, as long as before."""
    crops = [(1.0, 0.0), *((scale, place) for scale in _SCALES for place in _PLACES)]
    return torch.stack([_crop_matrix(side, scale, place * (1 - scale)) for scale, place in crops])


def _crop_matrix(side: int, scale: float, start: float) -> torch.Tensor:
    at = (start * side + scale * (torch.arange(side) + 0.5) - 0.5).clamp(0, side - 1)
    # Linear interpolation between the two pixels beside each place.
    return (1 - (at[:, None] - torch.arange(side)).abs()).clamp_min(0)
