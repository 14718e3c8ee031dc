package db

import "time"

// Waiting returns how many items wait for the next commit.
func (g *Group[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// Hurry gives each commit of the group another time than usual.
func (g *Group[T]) Hurry(timeout time.Duration) { g.timeout = timeout }
