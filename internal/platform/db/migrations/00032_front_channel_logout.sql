-- +goose Up
-- The clients that are told of a logout by the browser: their pages are loaded. Clients that nobody but
-- themselves has registered come last where there is room for some only.

CREATE VIEW front_channel_clients AS
SELECT c.id, c.frontchannel_logout_uri AS logout_uri, CASE WHEN c.registered_by = 'client' THEN 1 ELSE 0 END AS place
FROM clients c WHERE c.state = 'active' AND c.frontchannel_logout_uri IS NOT NULL;
