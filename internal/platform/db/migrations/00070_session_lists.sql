-- +goose Up
-- Sessions as administrators look at them: by the time of their beginning, also of one person.
CREATE INDEX sessions_created_idx ON sessions (created_at, id);
CREATE INDEX sessions_user_created_idx ON sessions (user_id, created_at, id);
DROP INDEX sessions_user_idx;
DROP INDEX session_clients_client_idx;
CREATE INDEX session_clients_client_idx ON session_clients (client, session_id);

-- By which name people know a user's record.
CREATE VIEW user_names AS
SELECT id, username FROM users;

-- The clients that got a code in a session.
CREATE VIEW session_participants AS
SELECT p.session_id, p.client, c.client_id
FROM session_clients p
JOIN clients c ON c.id = p.client;
