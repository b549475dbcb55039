-- A refused sender's pause may let one of its messages ask; 1 until a claim has taken that one.
ALTER TABLE pauses ADD COLUMN lets_one INTEGER NOT NULL DEFAULT 0;
