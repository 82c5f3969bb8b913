"""Conversations: kept on disk, found again by an id, shortened where they grow too long."""
