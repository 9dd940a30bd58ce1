# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arrays as short texts, for memories that are plain data."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np


def pack(array: Floats | Ints, dtype: str) -> str:
    """The values as this dtype (with its byte order, "<f4"), compressed, in ASCII. The shape is not kept."""
    return base64.b64encode(zlib.compress(array.astype(dtype).tobytes(), 9)).decode("ascii")


def unpack(text: str, dtype: str, shape: tuple[int, ...] = (-1,)) -> Any:
    """The array that `pack` was given, to be changed at will; -1 is whatever fits. AutoscaleError if damaged."""
    try:
        packed = zlib.decompress(base64.b64decode(text, validate=True))
        return np.frombuffer(packed, dtype=dtype).reshape(shape).copy()
    except (TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise AutoscaleError("what the policy has learned is damaged") from error
