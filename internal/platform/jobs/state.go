package jobs

import "time"

// State is the state of a job on this node.
type State struct {
	Name  string
	Every time.Duration
	// Running reports whether it is running now.
	Running bool
	// StartedAt is when it last started, EndedAt when it last ended; zero if never.
	StartedAt, EndedAt time.Time
	// Failed reports whether its last run failed. The log says why.
	Failed bool
}

// States returns the state of each job.
func (r *Runner) States() []State {
	all := make([]State, len(r.jobs))
	for i, job := range r.jobs {
		all[i] = job.current()
	}
	return all
}

// Ask runs a job before its time, or once more if it is running, and doesn't wait for
// it. It returns false if there is no such job, or the runner isn't running.
func (r *Runner) Ask(name string) bool {
	for _, job := range r.jobs {
		if job.Name == name && r.running.Load() {
			select {
			case job.asked <- struct{}{}:
			default: // already asked
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
