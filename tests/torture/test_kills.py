"""What was acknowledged is never lost, and sent twice only where nobody could know.

`make torture` does it at length (TORTURE_KILLS); the usual run has a short form of the same.
"""

import os

from tests.torture.storm import Storm

KILLS = int(os.environ.get("TORTURE_KILLS", "2"))
SECONDS = 1.5  # between two kills, on the average


def test_kill_9_again_and_again_loses_nothing(tmp_path):
    storm = Storm(tmp_path)
    try:
        with storm.emulator():
            storm.rage(kills=KILLS, seconds=SECONDS)
            taken = storm.ask("ledger/messages")
            stories = {
                row["recipient"]: storm.served.call("GET", f"/v1/messages/{row['message']}")[1]
                for row in taken
                if row["count"] > 1
            }
    finally:
        storm.served.stop()

    reached = {row["recipient"]: row["message"] for row in taken}
    assert len(storm.acknowledged) > 50
    assert storm.acknowledged.keys() <= reached.keys()  # none is lost
    assert all(reached[who] == id_ for who, id_ in storm.acknowledged.items())
    for who, story in stories.items():  # twice only after an attempt whose end nobody knew
        assert "unclear" in {one["outcome"] for one in story["attempts_made"]}, (who, story)
