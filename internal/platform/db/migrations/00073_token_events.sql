-- +goose Up
-- How far the rows that are events themselves were taken over into the log.
CREATE TABLE audit_sources (
  name     TEXT PRIMARY KEY,
  position UUID NOT NULL
);
