package client

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
)

// list reads a page by the primary key: identifiers sort by the time of their making.
func (s store) list(ctx context.Context, query Query) ([]Client, error) {
	var (
		conditions []string
		arguments  []any
	)
	where := func(condition string, argument any) {
		arguments = append(arguments, argument)
		conditions = append(conditions, strings.ReplaceAll(condition, "$?", "$"+strconv.Itoa(len(arguments))))
	}
	if query.After != uuid.Nil {
		where(`id > $?`, query.After)
	}
	if query.NamePrefix != "" {
		escape := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")
		where(`lower(client_name) LIKE $? ESCAPE '!'`, escape.Replace(strings.ToLower(query.NamePrefix))+"%")
	}
	if query.State != "" {
		where(`state = $?`, string(query.State))
	}
	if query.RegisteredBy != "" {
		where(`registered_by = $?`, string(query.RegisteredBy))
	}
	switch query.Type {
	case PublicType:
		where(`token_endpoint_auth_method = $?`, string(oauth.AuthenticationMethodNone))
	case ConfidentialType:
		where(`token_endpoint_auth_method <> $?`, string(oauth.AuthenticationMethodNone))
	}
	filter := ""
	if len(conditions) > 0 {
		filter = ` WHERE ` + strings.Join(conditions, ` AND `)
	}
	arguments = append(arguments, query.Limit)
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT `+names(columnsOf(&Client{}))+` FROM clients`+filter+
		` ORDER BY id LIMIT $`+strconv.Itoa(len(arguments)), arguments...)
	return db.Collect(rows, err, scan)
}
