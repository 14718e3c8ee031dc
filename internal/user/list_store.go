package user

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"authly/internal/platform/db"
	"authly/internal/protocol/policy"
)

// list walks through users_search_idx, which covers all filters, or through
// the index of a rare mark, and reads only the records of the page. It examines a
// bounded number of users and returns the last of them, zero if there are no more after it.
func (s store) list(ctx context.Context, query Query) ([]User, uuid.UUID, error) {
	conditions, arguments := query.conditions()
	var end uuid.UUID
	if len(arguments) > 1 && query.only == uuid.Nil { // otherwise all match, or at most one
		var err error
		if end, err = db.EndOfSearch(ctx, s.database.Read(ctx), "users", query.rare(), query.After); err != nil {
			return nil, uuid.Nil, err
		}
	}
	last := end
	if last == uuid.Nil {
		last = uuid.Max
	}
	arguments = append(arguments, last, query.Limit)
	rows, err := s.database.Read(ctx).Query(ctx, `SELECT `+columns+` FROM users WHERE id IN (
		SELECT id FROM users WHERE `+conditions+` AND id <= $`+strconv.Itoa(len(arguments)-1)+` ORDER BY id LIMIT $`+strconv.Itoa(len(arguments))+`)`,
		arguments...)
	users, err := db.Collect(rows, err, scan)
	return users, end, err
}

// conditions returns the conditions of the query, the cheapest first. Filters come
// in three groups and four names, so that there are about 200 texts: a text for each combination
// would be more statements than an engine keeps prepared. In a group, a filter that is not set is
// compared with a value that always matches.
func (q Query) conditions() (text string, arguments []any) {
	rare := q.rare()
	groups := rare != "" || q.only != uuid.Nil // with a rare mark, all groups are compared
	all := []string{`id > $1` + rare}
	arguments = append(arguments, q.After)
	add := func(set bool, condition string, values ...any) {
		if !set && (!groups || len(values) == 1) {
			return
		}
		for _, value := range values {
			arguments = append(arguments, value)
			condition = strings.Replace(condition, "$?", "$"+strconv.Itoa(len(arguments)), 1)
		}
		all = append(all, condition)
	}
	add(q.Administrator != nil || q.EmailVerified != nil || q.RequirePasswordChange != nil,
		`administrator IN ($?, $?) AND email_verified IN ($?, $?) AND require_password_change IN ($?, $?)`,
		orFalse(q.Administrator), orTrue(q.Administrator), orFalse(q.EmailVerified), orTrue(q.EmailVerified),
		orFalse(q.RequirePasswordChange), orTrue(q.RequirePasswordChange))
	add(q.ManagedBy != "", `managed_by = $?`, q.ManagedBy)
	add(q.only != uuid.Nil, `id = $?`, q.only)
	logins := !q.LastLoginSince.IsZero() || !q.LastLoginBefore.IsZero()
	add(logins || !q.CreatedSince.IsZero() || !q.CreatedBefore.IsZero(),
		`created_at >= $? AND created_at < $? AND ($? OR last_login_at >= $? AND last_login_at < $?)`,
		q.CreatedSince, orNever(q.CreatedBefore), !logins, q.LastLoginSince, orNever(q.LastLoginBefore))
	add(q.State != "" || q.Locale != "" || q.ZoneInfo != "",
		`(CAST($? AS TEXT) = '' OR state = $?) AND (CAST($? AS TEXT) = '' OR locale = $?) AND (CAST($? AS TEXT) = '' OR zoneinfo = $?)`,
		string(q.State), string(q.State), q.Locale, q.Locale, q.ZoneInfo, q.ZoneInfo)
	for _, name := range []struct{ column, part string }{
		{"username_folded", q.Username}, {"email_folded", q.Email}, {"given_name_folded", q.GivenName}, {"family_name_folded", q.FamilyName},
	} {
		add(name.part != "", name.column+` LIKE $? ESCAPE '!'`, db.Containing(policy.FoldSearched(name.part)))
	}
	return strings.Join(all, ` AND `), arguments
}

// rare returns the condition of a rare mark, "" if none is requested. It is
// part of the text, because an engine uses a partial index only if the text has its condition.
func (q Query) rare() string {
	switch {
	case q.ManagedBy != "":
		return ` AND managed_by <> ''`
	case orFalse(q.Administrator):
		return ` AND administrator`
	case orFalse(q.RequirePasswordChange):
		return ` AND require_password_change`
	case q.State == Disabled:
		return ` AND state = 'disabled'`
	default:
		return ""
	}
}

func orFalse(b *bool) bool { return b != nil && *b }
func orTrue(b *bool) bool  { return b == nil || *b }

// endOfTime is later than any stored time.
const endOfTime = 253402300799

func orNever(at time.Time) time.Time {
	if at.IsZero() {
		return time.Unix(endOfTime, 0)
	}
	return at
}
