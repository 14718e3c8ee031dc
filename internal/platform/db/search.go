package db

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// searchWindow is how many rows are examined for one page of a search.
const searchWindow = 20_000

// EndOfSearch returns the last row after the given one that a search may examine for a page,
// oldest first; [uuid.Nil] if the table ends before. The condition is trusted SQL on the
// columns of an index, such as " AND disabled", or empty.
func EndOfSearch(ctx context.Context, from Querier, table, condition string, after uuid.UUID) (uuid.UUID, error) {
	var end uuid.UUID
	err := from.QueryRow(ctx, "SELECT id FROM "+table+" WHERE id > $1"+condition+" ORDER BY id LIMIT 1 OFFSET "+strconv.Itoa(searchWindow-1), after).Scan(&end)
	if errors.Is(err, ErrNoRows) {
		return uuid.Nil, nil
	}
	return end, err
}

// Containing returns the pattern, for LIKE $? ESCAPE '!', of texts that contain part.
func Containing(part string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part) + "%"
}
