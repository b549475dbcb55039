-- A refused sender's pause may let one of its messages ask; true until a claim has taken that one.
ALTER TABLE pauses ADD COLUMN lets_one BOOLEAN NOT NULL DEFAULT false;
