-- +goose Up
-- What users are searched by, as it is compared. Of existing names SQLite folds ASCII letters only;
-- the rest follows when the profile is written again. No language tag or time zone is so long.
ALTER TABLE users ADD COLUMN given_name_folded TEXT;
ALTER TABLE users ADD COLUMN family_name_folded TEXT;
UPDATE users SET given_name_folded = substr(lower(given_name), 1, 100), family_name_folded = substr(lower(family_name), 1, 100);
UPDATE users SET locale = NULL WHERE length(locale) > 100;
UPDATE users SET zoneinfo = NULL WHERE length(zoneinfo) > 100;

-- Everything that a list of users is filtered by, in the order of the list. Every list is a walk through
-- this index from the end of the page before, whatever it asks for and however little matches.
CREATE INDEX users_search_idx ON users (id, username_folded, email_folded, given_name_folded, family_name_folded, locale, zoneinfo,
  state, administrator, email_verified, require_password_change, created_at, last_login_at);
