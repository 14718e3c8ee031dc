package db

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// searchWindow is how many rows are looked at for one page of a search.
const searchWindow = 20_000

// EndOfSearch returns the last of the rows after one that a search may look at for a page, the
// oldest first; [uuid.Nil] if the table ends before. The condition is text of ours for the
// rows that an index has, such as " AND disabled", or empty.
func EndOfSearch(ctx context.Context, from Querier, table, condition string, after uuid.UUID) (uuid.UUID, error) {
	var end uuid.UUID
	err := from.QueryRow(ctx, "SELECT id FROM "+table+" WHERE id > $1"+condition+" ORDER BY id LIMIT 1 OFFSET "+strconv.Itoa(searchWindow-1), after).Scan(&end)
	if errors.Is(err, ErrNoRows) {
		return uuid.Nil, nil
	}
	return end, err
}

// Containing returns the pattern of texts that have part in them, for LIKE $? ESCAPE '!'.
func Containing(part string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part) + "%"
}
