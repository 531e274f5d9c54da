-- Logs: an account's messages, newest first, by any filter, without looking at one that does not match.

ALTER TABLE message ADD COLUMN caller TEXT;                      -- the contract's `from`
ALTER TABLE message ADD COLUMN facet TEXT NOT NULL DEFAULT '1';  -- model.logs.facet: the status group, then mccMnc
ALTER TABLE message ADD COLUMN log_at INTEGER NOT NULL DEFAULT 0;  -- what the logs show as sentAt
ALTER TABLE message ADD COLUMN shelf INTEGER NOT NULL DEFAULT 0;  -- see message_to

UPDATE message SET
    caller = (SELECT json_extract(CAST(v.body AS TEXT), '$.caller') FROM voice_message v
              WHERE v.account = message.account AND v.bulk_id = message.bulk_id AND v.part = message.part),
    log_at = coalesce(sent_at, iif(due_at < 1125899906842624, due_at, NULL),
                      (SELECT b.accepted_at FROM bulk b
                       WHERE b.account = message.account AND b.bulk_id = message.bulk_id), 0);
-- 2015-02-12T09:58:20.323+0100, whose offset SQLite wants with a colon
UPDATE message SET
    facet = r.json ->> '$.status.groupId' || coalesce(r.json ->> '$.mccMnc', ''),
    log_at = CAST(round(1000 * unixepoch(substr(r.json ->> '$.sentAt', 1, 26) || ':' || substr(r.json ->> '$.sentAt', 27),
                                         'subsec')) AS INTEGER)
FROM (SELECT account, message_id, json FROM report UNION ALL SELECT account, message_id, json FROM push) r
WHERE r.account = message.account AND r.message_id = message.message_id;

-- Each ends with (facet, log_at, message_id), so that the newest of a facet are read in their order, and no others.
CREATE INDEX message_log ON message (account, facet, log_at);
CREATE INDEX message_from ON message (account, caller, facet, log_at) WHERE caller IS NOT NULL;
-- By shelf first, of some 20,000 messages each: numbers come in no order, and in one large index each new message would
-- touch a page of its own.
CREATE INDEX message_to ON message (account, shelf, recipient, facet, log_at, message_id, caller);
DROP INDEX message_bulk;
CREATE INDEX message_bulk ON message (account, bulk_id, facet, log_at, message_id, caller);

-- The shelf that an account's next messages are put on, and how many were put there.
CREATE TABLE shelf (
    account INTEGER PRIMARY KEY,
    shelf   INTEGER NOT NULL,
    filled  INTEGER NOT NULL
) STRICT;
