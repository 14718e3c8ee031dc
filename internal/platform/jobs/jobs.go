package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"authly/internal/platform/clock"
)

// Job is work that is repeated.
type Job struct {
	Name  string
	Every time.Duration
	// Run does the work once. It must return soon after its context ends. An error
	// or a panic is logged, and the job runs again at its next time.
	Run func(ctx context.Context) error
	// Wake runs the job before its time, for work that a user waits for. It may be nil.
	Wake <-chan struct{}
}

// Runner runs jobs.
type Runner struct {
	logger  *slog.Logger
	clock   clock.Clock
	jobs    []*entry
	running atomic.Bool
}

// entry is a job with its state.
type entry struct {
	Job
	asked chan struct{} // holds one request; more are the same

	mu    sync.Mutex
	state State
}

// NewRunner returns a runner of the given jobs. It starts none of them.
func NewRunner(logger *slog.Logger, at clock.Clock, jobs ...Job) (*Runner, error) {
	runner, names := &Runner{logger: logger, clock: at}, map[string]bool{}
	for _, job := range jobs {
		switch {
		case job.Name == "" || names[job.Name]:
			return nil, fmt.Errorf("job %q: the name is empty or there twice", job.Name)
		case job.Every <= 0:
			return nil, fmt.Errorf("job %q: %s is no interval", job.Name, job.Every)
		case job.Run == nil:
			return nil, fmt.Errorf("job %q has nothing to run", job.Name)
		}
		names[job.Name] = true
		runner.jobs = append(runner.jobs, &entry{Job: job, asked: make(chan struct{}, 1), state: State{Name: job.Name, Every: job.Every}})
	}
	return runner, nil
}

// Run runs every job at once and then at each multiple of its interval,
// until ctx ends; then it waits for running jobs. Jobs don't wait for each
// other, and none overlaps itself: times that come while the job is still running
// are made up for by a single run when it ends.
func (r *Runner) Run(ctx context.Context) {
	r.running.Store(true)
	defer r.running.Store(false)
	var running sync.WaitGroup
	for _, job := range r.jobs {
		running.Go(func() { r.repeat(ctx, job) })
	}
	running.Wait()
}

func (r *Runner) repeat(ctx context.Context, job *entry) {
	// A ticker keeps to its grid, however long a run takes. Its channel holds one
	// tick, so a slow run is followed by one run and not by a queue of them.
	ticker := time.NewTicker(job.Every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		r.once(ctx, job)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-job.Wake:
		case <-job.asked:
		}
	}
}

func (r *Runner) once(ctx context.Context, job *entry) {
	job.begin(r.clock.Now())
	err := Guard(ctx, job.Run)
	job.end(r.clock.Now(), err)
	if err == nil || (ctx.Err() != nil && errors.Is(err, ctx.Err())) {
		return // done, or cut short because the server stops
	}
	r.logger.ErrorContext(ctx, "a job failed", append([]any{slog.String("job", job.Name)}, Failure(err)...)...)
}

type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// Guard runs work of a goroutine, in which a panic would end the process: a panic becomes an error,
// whose stack [Failure] returns.
func Guard(ctx context.Context, work func(ctx context.Context) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value, debug.Stack()}
		}
	}()
	return work(ctx)
}

// Failure returns the log attributes of an error, with the stack if it was a panic.
func Failure(err error) []any {
	attributes := []any{slog.Any("error", err)}
	var panicked *panicError
	if errors.As(err, &panicked) {
		attributes = append(attributes, slog.String("stack", string(panicked.stack)))
	}
	return attributes
}
