-- +goose Up
-- Where clients are told, as there are only so many deliveries to one host at once.

DROP VIEW back_channel_clients;
CREATE VIEW back_channel_clients AS
SELECT c.id, c.backchannel_logout_uri AS logout_uri FROM clients c WHERE c.state = 'active' AND c.backchannel_logout_uri IS NOT NULL;
