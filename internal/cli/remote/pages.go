package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// errCircle is returned for a list that would never end.
var errCircle = errors.New("the list of the server goes round in circles")

// MaxPage is the most entries that a page may have.
const MaxPage = 200

// Items walks through a list: through as many pages as it takes to have most entries, or
// all of them if most is 0. The member is what the list is called in the answers. Only
// lists that say next_cursor have pages; the others are walked through all the same.
func (c *Client) Items(ctx context.Context, request Request, member string, most int) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		left := most
		for page, err := range c.pages(ctx, request, most) {
			var entries []json.RawMessage
			if err == nil {
				entries, err = entriesOf(page, member)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

func entriesOf(page map[string]json.RawMessage, member string) ([]json.RawMessage, error) {
	var entries []json.RawMessage
	if err := json.Unmarshal(page[member], &entries); err != nil {
		return nil, fmt.Errorf("read the list %q: %w", member, err)
	}
	return entries, nil
}

// pages walks through the answers of a list.
func (c *Client) pages(ctx context.Context, request Request, most int) iter.Seq2[map[string]json.RawMessage, error] {
	return func(yield func(map[string]json.RawMessage, error) bool) {
		query, last := url.Values{}, ""
		maps.Copy(query, request.Query)
		if query.Has("limit") && most > 0 {
			query.Set("limit", strconv.Itoa(min(most, MaxPage)))
		}
		for {
			request.Query = query
			answer, err := c.Do(ctx, request)
			page := map[string]json.RawMessage{}
			if err == nil {
				err = answer.Into(&page)
			}
			if !yield(page, err) || err != nil {
				return
			}
			var next string
			if given, ok := page["next_cursor"]; ok {
				if err := json.Unmarshal(given, &next); err != nil {
					yield(nil, fmt.Errorf("read where the list goes on: %w", err))
					return
				}
			}
			if next == "" {
				return
			}
			if next == last {
				yield(nil, errCircle)
				return
			}
			last = next
			query = maps.Clone(query)
			query.Set("cursor", next)
		}
	}
}
