-- +goose Up
-- Besides the set-up link there is one for whoever has lost the way in: with it comes a new administrator, or,
-- where it is for one account, a new password.
ALTER TABLE setup_tokens ADD COLUMN kind TEXT NOT NULL DEFAULT 'setup' CHECK (kind IN ('setup', 'recovery'));
ALTER TABLE setup_tokens ADD COLUMN user_id UUID REFERENCES users (id) ON DELETE CASCADE;
CREATE INDEX setup_tokens_user_idx ON setup_tokens (user_id);
