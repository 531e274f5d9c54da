-- Reports to be pushed, and those that were (contract section 5). A message's one report is here or on the tape.

CREATE TABLE push (
    account    INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    bulk_id    TEXT NOT NULL,
    json       TEXT NOT NULL,  -- as on the tape
    beside     TEXT NOT NULL,  -- as on the tape
    url        TEXT NOT NULL,
    form       TEXT NOT NULL CHECK (form IN ('json', 'xml')),
    version    INTEGER NOT NULL CHECK (version IN (1, 2)),
    place      TEXT NOT NULL CHECK (place > ''),  -- the url's scheme, host and port: one that hangs does not hold up others
    since      INTEGER NOT NULL,  -- when the report was finished
    due_at     INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,  -- that failed
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'pushed')),
    pushed_at  INTEGER,
    PRIMARY KEY (account, message_id),
    CHECK ((state = 'pushed') = (pushed_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX push_due ON push (account, place, due_at, message_id) WHERE state = 'waiting';
CREATE INDEX push_since ON push (since) WHERE state = 'waiting';
CREATE INDEX push_age ON push (pushed_at) WHERE state = 'pushed';
CREATE INDEX push_bulk ON push (account, bulk_id, state);

CREATE TRIGGER push_alone BEFORE INSERT ON push
WHEN EXISTS (SELECT 1 FROM report WHERE account = new.account AND message_id = new.message_id)
BEGIN SELECT RAISE(ABORT, 'the report is on the tape'); END;

CREATE TRIGGER report_alone BEFORE INSERT ON report
WHEN EXISTS (SELECT 1 FROM push WHERE account = new.account AND message_id = new.message_id)
BEGIN SELECT RAISE(ABORT, 'the report is to be pushed'); END;

-- What was pushed stays pushed.
CREATE TRIGGER push_forward BEFORE UPDATE OF state ON push WHEN old.state = 'pushed'
BEGIN SELECT RAISE(ABORT, 'the report was pushed'); END;
