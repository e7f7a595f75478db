"""Screenshots for the cloud: with the boxes of private elements painted over, or not at all.

No text recognition: the browser says where each element is. Where a private text belongs to no element whose box is known, the
picture is not sent. Nor does this look into canvases, videos and pictures: name their bids as private.
"""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.privacy_guard import EgressGuard

__all__ = ["masked_picture"]

Box = tuple[float, float, float, float]
_MARGIN = 2


def masked_picture(
    picture_HWC: NDArray[np.uint8], boxes: Mapping[str, Box], private: Sequence[str], guard: EgressGuard
) -> str | None:
    """A picture that may be sent, as base64 PNG, registered with the guard; None when it must not be.

    Args:
        picture_HWC: the screenshot, uint8, (height, width, 3).
        boxes: where elements are, by bid: left, top, width, height in pixels.
        private: the bids of everything that must not be readable.
        guard: will let this one picture pass.
    """
    from PIL import Image

    if any(bid not in boxes for bid in private):
        return None  # it is somewhere in the picture, and nobody knows where
    masked = np.array(picture_HWC, copy=True)
    height, width = masked.shape[:2]
    for bid in private:
        left, top, wide, high = boxes[bid]
        rows = slice(max(int(top) - _MARGIN, 0), min(int(top + high) + _MARGIN + 1, height))
        columns = slice(max(int(left) - _MARGIN, 0), min(int(left + wide) + _MARGIN + 1, width))
        masked[rows, columns] = 0
    file = io.BytesIO()
    Image.fromarray(masked).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    guard.allow_picture(data)
    return data
