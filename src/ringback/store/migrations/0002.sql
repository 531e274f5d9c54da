-- Schedules, bulks that can be moved, paused and cancelled, retries, limits of accounts.

ALTER TABLE account ADD COLUMN windows TEXT NOT NULL DEFAULT 'utc' CHECK (windows IN ('utc', 'destination'));
ALTER TABLE account ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';  -- model.account.Limits as JSON
ALTER TABLE account ADD COLUMN signing_secret TEXT;                -- for pushes; kept as it is, since it has to sign

ALTER TABLE bulk ADD COLUMN send_at INTEGER;      -- when its first message was to be due; NULL is accepted_at
ALTER TABLE bulk ADD COLUMN state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'cancelled'));
ALTER TABLE bulk ADD COLUMN interval_us INTEGER;  -- its sending speed: microseconds from one first call to the next
ALTER TABLE bulk ADD COLUMN next_us INTEGER NOT NULL DEFAULT 0;  -- no first call of a paced message before
ALTER TABLE bulk ADD COLUMN slot_us INTEGER NOT NULL DEFAULT 0;  -- the end of its timetable: the next free slot

ALTER TABLE message ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 1125899906842624;  -- 0: cancelled
ALTER TABLE message ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;  -- attempts that were dialled, and are over
ALTER TABLE message ADD COLUMN sent_at INTEGER;                   -- the first INVITE of those
CREATE INDEX message_expires ON message (account, expires_at, message_id) WHERE state = 'pending';
