"""From a submission to a settled message: submit, dispatch, work."""
