-- What tells a state that was restored from a copy from the one that went on: the id of the last event beside its sequence. What was
-- approved before a restore is held until a steward has confirmed it: see AcceptRestore.
ALTER TABLE deputy_state.counter ADD COLUMN event TEXT NOT NULL DEFAULT '';
UPDATE deputy_state.counter
   SET event = coalesce((SELECT id FROM deputy_state.events WHERE events.sequence = counter.sequence), '');
ALTER TABLE deputy_state.requests ADD COLUMN held SMALLINT NOT NULL DEFAULT 0; -- 1: a steward has to confirm it
