-- The first schema. Every table's key begins with the account, so that one account's rows lie together and the
-- same schema can be distributed by account. Instants are milliseconds since 1970 UTC.

CREATE TABLE account (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given again, so that nobody inherits reports
    name          TEXT NOT NULL,
    zone          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    key_hash      BLOB NOT NULL,
    removed_at    INTEGER
) STRICT;
CREATE UNIQUE INDEX account_name ON account (name) WHERE removed_at IS NULL;

CREATE TABLE bulk (
    account     INTEGER NOT NULL,
    bulk_id     TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (account, bulk_id)
) STRICT, WITHOUT ROWID;

-- What one element of a request says, once for all its destinations.
CREATE TABLE voice_message (
    account INTEGER NOT NULL,
    bulk_id TEXT NOT NULL,
    part    INTEGER NOT NULL,
    body    BLOB NOT NULL,  -- model.message.VoiceMessage as JSON
    PRIMARY KEY (account, bulk_id, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    account    INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    bulk_id    TEXT NOT NULL,
    part       INTEGER NOT NULL,
    recipient  TEXT NOT NULL,  -- the contract's `to`, digits
    network    TEXT NOT NULL CHECK (network IN ('sandbox', 'trunk')),
    state      TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'calling', 'done')),
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_due ON message (account, due_at, message_id) WHERE state = 'pending';
CREATE INDEX message_calling ON message (account, message_id) WHERE state = 'calling';
CREATE INDEX message_bulk ON message (account, bulk_id);
-- A status never moves back (promise 5): what has its report keeps it. A call that never rang may be claimed again.
CREATE TRIGGER message_forward BEFORE UPDATE OF state ON message WHEN old.state = 'done'
BEGIN SELECT RAISE(ABORT, 'a status never moves back'); END;

-- The journal: an attempt is written before its INVITE leaves.
CREATE TABLE attempt (
    account    INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    placed_at  INTEGER NOT NULL,
    recording  TEXT,
    result     BLOB,  -- model.call.CallResult as JSON, once the call is over
    PRIMARY KEY (account, message_id, attempt)
) STRICT, WITHOUT ROWID;

-- Message ids that may not be used again although their messages are forgotten.
CREATE TABLE used_message_id (
    account    INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    forget_at  INTEGER NOT NULL,
    PRIMARY KEY (account, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_message_id_age ON used_message_id (forget_at);

-- The tape: reports under the account's next number, never updated.
CREATE TABLE report (
    account    INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    bulk_id    TEXT NOT NULL,
    message_id TEXT NOT NULL,
    json       TEXT NOT NULL,  -- its object in /tts/3/reports, from which its XML is made too
    beside     TEXT NOT NULL,  -- model.report.Beside as JSON: what the later form shows more
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX report_message ON report (account, message_id);  -- exactly one report a message (promise 3)

-- The reports of a bulk, less those that were taken by bulk or by message. One that was taken without a filter may
-- still stand here: its number lies in the account's first stretch, which such takes alone make grow.
CREATE TABLE bulk_report (
    account INTEGER NOT NULL,
    bulk_id TEXT NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (account, bulk_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE tape (
    account INTEGER PRIMARY KEY,
    last    INTEGER NOT NULL  -- the number given last
) STRICT;

-- What was handed out: stretches of numbers, neighbours merged.
CREATE TABLE taken (
    account INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL CHECK (last >= first),
    PRIMARY KEY (account, first)
) STRICT, WITHOUT ROWID;

-- Each take, written down once: what it gave, when, to which question.
CREATE TABLE take (
    id        INTEGER PRIMARY KEY,
    account   INTEGER NOT NULL,
    taken_at  INTEGER NOT NULL,
    stretches TEXT NOT NULL,  -- JSON: [[first, last], ...]
    question  TEXT NOT NULL
) STRICT;

-- Answers kept under an Idempotency-Key, to be given again byte for byte.
CREATE TABLE answer (
    account      INTEGER NOT NULL,
    key          TEXT NOT NULL,
    fingerprint  BLOB NOT NULL,
    content_type TEXT NOT NULL,
    body         BLOB NOT NULL,
    kept_at      INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_age ON answer (kept_at);
