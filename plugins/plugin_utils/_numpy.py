# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""numpy, in one place: who learns or simulates needs it, who ticks with a rule does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Ints = NDArray[np.integer[Any]]
else:
    try:
        import numpy as np
    except ImportError:
        np = None
    Floats = Ints = Any

__all__ = ["Floats", "Ints", "np", "require_numpy"]


def require_numpy(what: str) -> None:
    """Raise AutoscaleError where there is no numpy; `what` needs it."""
    if np is None:
        raise AutoscaleError(f"{what} needs numpy for the Python that runs Ansible here: pip install numpy")
