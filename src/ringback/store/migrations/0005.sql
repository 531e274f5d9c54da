-- Sessions (contract section 6). A token names its account, so that the key begins with it. Only a hash of it is kept.

CREATE TABLE session (
    account    INTEGER NOT NULL,
    token_hash BLOB NOT NULL,     -- SHA-256 of the token
    made_at    INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,  -- the last use that was written down; up to some minutes before the last one
    PRIMARY KEY (account, token_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_account ON session (account, used_at);
CREATE INDEX session_age ON session (used_at);
