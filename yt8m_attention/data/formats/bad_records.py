"""Records that cannot be used: what is wrong with them, and how many a run puts up with."""

from yt8m_attention import progress
from yt8m_attention.errors import UserError


class BadRecord(UserError):
    """One record that cannot be used, of a file whose others can."""

    def __init__(self, path, offset, what):
        super().__init__(f"{path}: offset {offset}: {what}")
        self.place = path, offset


class BadRecords:
    """Counts the different bad records that were met.

    Args:
      limit: so many are skipped; one more stops.
    """

    def __init__(self, limit):
        self._limit, self._places = limit, set()

    def __len__(self):
        return len(self._places)

    def add(self, error):
        """Raises: the BadRecord itself, where no more are put up with."""
        self._places.add(error.place)
        if len(self._places) > self._limit:
            raise error

    def say(self):
        """Tells how many were skipped, where any were."""
        if self._places:
            path, offset = min(self._places)
            first = f"the first by name: {path}, offset {offset}"
            progress.say(f"{len(self._places):,} bad records skipped ({first}); --max_bad_records={self._limit}")
