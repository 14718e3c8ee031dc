package jobs

import "time"

// State is what is known of a job on this node.
type State struct {
	Name  string
	Every time.Duration
	// Running reports whether it is at work now.
	Running bool
	// StartedAt is when it was last begun, EndedAt when it last ended; zero if never.
	StartedAt, EndedAt time.Time
	// Failed reports whether it failed when it last ended. The log says why.
	Failed bool
}

// States returns what is known of each job.
func (r *Runner) States() []State {
	all := make([]State, len(r.jobs))
	for i, job := range r.jobs {
		all[i] = job.current()
	}
	return all
}

// Ask runs a job before its time, or once more if it is at work, and doesn't wait for
// it. It is false if there is no such job, or the runner doesn't run.
func (r *Runner) Ask(name string) bool {
	for _, job := range r.jobs {
		if job.Name == name && r.running.Load() {
			select {
			case job.asked <- struct{}{}:
			default: // somebody has asked already
			}
			return true
		}
	}
	return false
}

func (e *entry) current() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

func (e *entry) begin(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.Running, e.state.StartedAt = true, now
}

func (e *entry) end(now time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.Running, e.state.EndedAt, e.state.Failed = false, now, err != nil
}
