-- +goose Up
-- What only one transaction does at a time. A row of its own is locked, so that nobody
-- who waits holds anything that the others need.
CREATE TABLE user_locks (
  name TEXT PRIMARY KEY
);
