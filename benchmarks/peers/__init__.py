"""Others doing the same work: take 2 KB durably, make one request to the same provider."""
