package client

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
)

// list walks through clients_search_idx, which has everything that is asked about, or through
// the index of those that follow a file, and reads the records of the page only. It looks at a
// bounded number of clients and returns the last of them, zero if there are no more after it.
func (s store) list(ctx context.Context, query Query) ([]Client, uuid.UUID, error) {
	conditions, arguments := query.conditions()
	var end uuid.UUID
	if len(arguments) > 1 { // otherwise every one matches
		var err error
		if end, err = db.EndOfSearch(ctx, s.database.Read(ctx), "clients", query.rare(), query.After); err != nil {
			return nil, uuid.Nil, err
		}
	}
	last := end
	if last == uuid.Nil {
		last = uuid.Max
	}
	arguments = append(arguments, last, query.Limit)
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT `+names(columnsOf(&Client{}))+` FROM clients WHERE id IN (
		SELECT id FROM clients WHERE `+conditions+` AND id <= $`+strconv.Itoa(len(arguments)-1)+` ORDER BY id LIMIT $`+strconv.Itoa(len(arguments))+`)`,
		arguments...)
	found, err := db.Collect(rows, err, scan)
	return found, end, err
}

// rare returns the condition of those that follow a file, "" if they are not asked for. It is
// written out, as an index is only used for what it is known to have.
func (q Query) rare() string {
	if q.ManagedBy == "" {
		return ""
	}
	return ` AND managed_by <> ''`
}

// conditions returns what holds for the clients that are wanted.
func (q Query) conditions() (text string, arguments []any) {
	all := []string{`id > $1` + q.rare()}
	arguments = append(arguments, q.After)
	where := func(condition string, argument any) {
		arguments = append(arguments, argument)
		all = append(all, strings.ReplaceAll(condition, "$?", "$"+strconv.Itoa(len(arguments))))
	}
	if q.Part != "" { // a client_id is ASCII, which both engines fold
		where(`(client_name_folded LIKE $? ESCAPE '!' OR lower(client_id) LIKE $? ESCAPE '!')`, db.Containing(policy.FoldSearched(q.Part)))
	}
	if q.State != "" {
		where(`state = $?`, string(q.State))
	}
	if q.RegisteredBy != "" {
		where(`registered_by = $?`, string(q.RegisteredBy))
	}
	if q.ManagedBy != "" {
		where(`managed_by = $?`, q.ManagedBy)
	}
	if q.Administrator != nil {
		where(`administrator = $?`, *q.Administrator)
	}
	switch q.Type {
	case PublicType:
		where(`token_endpoint_auth_method = $?`, string(oauth.AuthenticationMethodNone))
	case ConfidentialType:
		where(`token_endpoint_auth_method <> $?`, string(oauth.AuthenticationMethodNone))
	}
	return strings.Join(all, ` AND `), arguments
}
