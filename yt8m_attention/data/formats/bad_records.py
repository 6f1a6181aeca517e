"""Unusable records: the error that describes one, and the count against a limit."""

import logging

from yt8m_attention.errors import UserError

logger = logging.getLogger(__name__)


class BadRecord(UserError):
    """One unusable record. Other records of the file remain usable."""

    def __init__(self, path: str, offset: int, what: str) -> None:
        super().__init__(f"{path}: offset {offset}: {what}")
        self.place = path, offset


class BadRecords:
    """Counts distinct bad records.

    Args:
      limit: maximum number of bad records to skip before failing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places: set[tuple[str, int]] = set()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, error: BadRecord) -> None:
        """Counts a bad record.

        Raises:
          BadRecord: the given error, when the limit is exceeded.
        """
        self._places.add(error.place)
        if len(self._places) > self._limit:
            raise error

    def log(self) -> None:
        """Logs the number of skipped records, if any."""
        if self._places:
            path, offset = min(self._places)
            first = f"the first by name: {path}, offset {offset}"
            logger.info(f"{len(self._places):,} bad records skipped ({first}); --max_bad_records={self._limit}")
