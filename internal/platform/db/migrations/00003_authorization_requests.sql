-- +goose Up
-- Which account a person chose to go on with, and which claims a person allowed beside the scopes.

ALTER TABLE interactions ADD COLUMN chosen_session_id UUID REFERENCES sessions (id) ON DELETE SET NULL;
CREATE INDEX interactions_chosen_session_idx ON interactions (chosen_session_id);
ALTER TABLE grants ADD COLUMN claims JSONB NOT NULL DEFAULT '[]';
