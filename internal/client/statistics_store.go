package client

import "context"

func (s store) statistics(ctx context.Context) (Statistics, error) {
	var n Statistics
	err := s.database.Read(ctx).QueryRow(ctx, `SELECT COUNT(*), COUNT(*) FILTER (WHERE state = 'active') FROM clients`).Scan(&n.Total, &n.Active)
	n.Disabled = n.Total - n.Active
	return n, err
}
