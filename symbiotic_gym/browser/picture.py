"""Pictures on their way out of the worker: PNG in base64, because messages are JSON."""

import base64
import io

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode_png"]


def decode_png(png_base64: str) -> NDArray[np.uint8]:
    """Turn a base64 PNG into a uint8 array, (height, width, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(png_base64))) as image:
        return np.array(image.convert("RGB"))
