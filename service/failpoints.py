"""Named moments at which a process of a test installation dies or waits, so that tests can look at just them.

``BANDOSO_FAILPOINT`` is ``kill@POINT`` or ``pause@POINT``; the point ``*`` stands for all. A point is
``before-STATE`` or ``after-STATE`` of an upload: before the transaction that brings it there commits, and after. A
process that pauses leaves a file ``PID UPLOAD POINT`` in ``failpoints`` of its ``var`` and goes on when that is gone.
"""

import os
import signal
import time
from uuid import UUID

from service.settings import ServiceSettings

_LOOK_S = 0.01


class Failpoints:
    """What this process was told to do where; nothing in production, whatever it was told.

    Parameters
    ----------
    settings : ServiceSettings
    """

    def __init__(self, settings: ServiceSettings) -> None:
        told = os.environ.get("BANDOSO_FAILPOINT", "") if settings.env != "production" else ""
        self._action, _, self._point = told.partition("@")
        self._folder = settings.var_dir / "failpoints"

    def reach(self, point: str, upload_id: UUID) -> None:
        """Do at a point what was told for it."""
        if self._point not in {point, "*"}:
            return
        if self._action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._action == "pause":
            self._folder.mkdir(exist_ok=True)
            mark = self._folder / f"{os.getpid()} {upload_id} {point}"
            mark.touch()
            while mark.exists():
                time.sleep(_LOOK_S)
