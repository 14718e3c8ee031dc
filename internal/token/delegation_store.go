package token

import (
	"fmt"
	"strings"

	"authly/internal/platform/db"
	"authly/internal/protocol/oidc"
)

// column is a column of a row: its value, and where that is read into, nil if it is only written.
type column struct {
	name string
	from any
	into any
}

// columns returns the columns that a code and a family have for it, for reading and for writing.
func (d *Delegation) columns() []column {
	return []column{
		{"client", d.Client, &d.Client},
		{"client_epoch", d.ClientEpoch, &d.ClientEpoch},
		{"user_id", d.UserID, &d.UserID},
		{"grant_id", d.GrantID, &d.GrantID},
		{"session_id", d.SessionID, &d.SessionID},
		{"scopes", db.Strings(d.Scopes), db.IntoJSON(&d.Scopes)},
		{"resources", db.Strings(d.Resources), db.IntoJSON(&d.Resources)},
		{"claims", claims(d.Claims), db.IntoJSON(&d.Claims)},
		{"authentication_methods", db.Strings(d.AuthenticationMethods), db.IntoJSON(&d.AuthenticationMethods)},
		{"authenticated_at", d.AuthenticatedAt, &d.AuthenticatedAt},
		{"max_age_requested", d.MaxAgeRequested, &d.MaxAgeRequested},
	}
}

func (c *Code) columns() []column {
	return append(c.Delegation.columns(),
		column{"id", c.ID, &c.ID},
		column{"redirect_uri", c.RedirectURI, &c.RedirectURI},
		column{"code_challenge", optional(c.CodeChallenge), optionalText{&c.CodeChallenge}},
		column{"nonce", optional(c.Nonce), optionalText{&c.Nonce}},
		column{"created_at", c.CreatedAt, &c.CreatedAt},
		column{"expires_at", c.ExpiresAt, &c.ExpiresAt},
		column{"used_at", c.UsedAt, &c.UsedAt},
	)
}

func (f *Family) columns() []column {
	return append(f.Delegation.columns(),
		column{"id", f.ID, &f.ID},
		column{"offline", f.Offline, &f.Offline},
		column{"created_at", f.CreatedAt, &f.CreatedAt},
		column{"expires_at", f.ExpiresAt, &f.ExpiresAt},
	)
}

// names returns the names of columns with the table's prefix, such as "f." or none.
func names(prefix string, columns []column) string {
	var text strings.Builder
	for i, c := range columns {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(prefix + c.name)
	}
	return text.String()
}

func values(columns []column) []any {
	all := make([]any, len(columns))
	for i, c := range columns {
		all[i] = c.from
	}
	return all
}

func targets(columns []column) []any {
	all := make([]any, len(columns))
	for i, c := range columns {
		all[i] = c.into
	}
	return all
}

// claims returns the column's value; most requests have none.
func claims(requested oidc.ClaimsRequest) any {
	if requested.IsZero() {
		return nil
	}
	return db.JSON(requested)
}

// optional returns the value of a column that is NULL for an empty text.
func optional(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// optionalText reads a column that is NULL for an empty text.
type optionalText struct{ to *string }

// Scan implements [database/sql.Scanner].
func (t optionalText) Scan(source any) error {
	if source == nil {
		*t.to = ""
		return nil
	}
	text, ok := source.(string)
	if !ok {
		return fmt.Errorf("read a text: it is stored as %T", source)
	}
	*t.to = text
	return nil
}
