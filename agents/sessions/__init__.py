"""Sessions: what was asked and answered, stored on disk, found again by an id, and fitted into a prompt."""
