package admin

import (
	"time"

	"authly/internal/client"
)

// Client is a client as administrators see it. It has no secret, and no hash of one.
type Client struct {
	ClientID           string              `json:"client_id"`
	State              client.State        `json:"state" doc:"active or disabled."`
	BuiltIn            bool                `json:"built_in" doc:"Whether the client is this server's own; it can be disabled, and not be changed or deleted."`
	RegisteredBy       client.RegisteredBy `json:"registered_by" doc:"administrator, or client for one that registered itself."`
	RegisteredOpenly   bool                `json:"registered_openly" doc:"Whether the client registered itself without an initial access token."`
	SetByAdministrator []string            `json:"set_by_administrator,omitempty" doc:"Of a client that registered itself: what an administrator has set, which the client's own update leaves as it is."`
	CreatedAt          time.Time           `json:"created_at"`
	UpdatedAt          time.Time           `json:"updated_at"`
	client.Metadata
}

func viewOf(c client.Client) Client {
	return Client{
		ClientID: c.ClientID, State: c.State, BuiltIn: c.BuiltIn, RegisteredBy: c.RegisteredBy, RegisteredOpenly: c.RegisteredOpenly,
		SetByAdministrator: c.Settled.Members(), CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), Metadata: c.Metadata.Listed(),
	}
}
