package audit

// RememberedRefusals returns how many subjects a log remembers.
func RememberedRefusals(l *Log) int {
	l.refusals.mu.Lock()
	defer l.refusals.mu.Unlock()
	return len(l.refusals.counts)
}
