package admin

import (
	"context"
	"sync/atomic"
	"time"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/user"
)

// Counts are what can be counted, each by who owns it.
type Counts struct {
	Users interface {
		Statistics(ctx context.Context) (user.Statistics, error)
	}
	Clients interface {
		Statistics(ctx context.Context) (client.Statistics, error)
	}
	Sessions interface {
		CountActive(ctx context.Context) (int64, error)
	}
	Tokens interface {
		CountUnexpired(ctx context.Context) (int64, error)
	}
	Events interface {
		Count(ctx context.Context, action audit.Action, since time.Time) (audit.Outcomes, error)
	}
}

// The times of counting.
const (
	// CountEvery is how often the dashboard counts by itself.
	CountEvery = time.Minute
	// countedLately is how old a count has to be for somebody who looks at it to have it renewed.
	countedLately = 10 * time.Second
	// countedTooLongAgo is how old one is that nobody keeps up; whoever asks waits for another.
	countedTooLongAgo = 5 * time.Minute
	// countingShare bounds the part of the time that counting takes, as a divisor.
	countingShare = 20
	// countedAtLeast bounds the pause that follows a long count: a clock that is set forward
	// meanwhile makes one look long.
	countedAtLeast = time.Hour
)

// Dashboard counts what there is. To count many things takes longer than somebody who
// looks at a page wants to wait, so that they get the last count and when it was made. It
// is renewed by a job, in the time that countingShare leaves.
type Dashboard struct {
	counts   Counts
	clock    clock.Clock
	last     atomic.Pointer[lastCount]
	counting chan struct{}
	woken    chan struct{}
}

type lastCount struct {
	Statistics
	took time.Duration
}

// NewDashboard returns a dashboard that has counted nothing yet.
func NewDashboard(counts Counts, at clock.Clock) *Dashboard {
	return &Dashboard{counts: counts, clock: at, counting: make(chan struct{}, 1), woken: make(chan struct{}, 1)}
}

// Woken tells the job that somebody is looking.
func (d *Dashboard) Woken() <-chan struct{} { return d.woken }

// Refresh counts anew, unless that was done lately. Of several at once one counts.
func (d *Dashboard) Refresh(ctx context.Context) error {
	select {
	case d.counting <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.counting }()
	if age, counted := d.age(); counted && age < d.interval() {
		return nil
	}
	begun := d.clock.Now()
	made, err := d.count(ctx, begun)
	if err != nil {
		return err
	}
	d.last.Store(&lastCount{made, d.clock.Now().Sub(begun)})
	return nil
}

// interval is how old a count has to be before there is another.
func (d *Dashboard) interval() time.Duration {
	return min(max(countedLately, countingShare*d.last.Load().took), countedAtLeast)
}

// age of the last count; false if there is none, or the clock was set back.
func (d *Dashboard) age() (time.Duration, bool) {
	last := d.last.Load()
	if last == nil {
		return 0, false
	}
	age := d.clock.Now().Sub(last.CountedAt)
	return age, age >= 0
}

// get returns the last count.
func (d *Dashboard) get(ctx context.Context) (Statistics, error) {
	age, counted := d.age()
	switch {
	case !counted || age >= max(countedTooLongAgo, 2*d.interval()):
		if err := d.Refresh(ctx); err != nil {
			return Statistics{}, err
		}
	case age >= d.interval():
		select {
		case d.woken <- struct{}{}:
		default:
		}
	}
	return d.last.Load().Statistics, nil
}

// Statistics is how much there is of everything.
type Statistics struct {
	CountedAt time.Time         `json:"counted_at" doc:"When it was counted. It is renewed while somebody looks, and every minute otherwise; less often where counting takes long."`
	Users     UserStatistics    `json:"users"`
	Clients   ClientStatistics  `json:"clients"`
	Sessions  SessionStatistics `json:"sessions"`
	Tokens    TokenStatistics   `json:"tokens"`
	SignIns   SignInStatistics  `json:"sign_ins"`
}

// UserStatistics is how many users there are.
type UserStatistics struct {
	Total                 int64 `json:"total"`
	Active                int64 `json:"active"`
	Disabled              int64 `json:"disabled"`
	Administrators        int64 `json:"administrators" doc:"Accounts with the mark, disabled ones too."`
	Unverified            int64 `json:"unverified" doc:"Without a verified e-mail address."`
	RequirePasswordChange int64 `json:"require_password_change"`
	NewLastDay            int64 `json:"new_24h"`
	NewLastWeek           int64 `json:"new_7d"`
}

// ClientStatistics is how many clients there are.
type ClientStatistics struct {
	Total    int64 `json:"total"`
	Active   int64 `json:"active"`
	Disabled int64 `json:"disabled"`
}

// SessionStatistics is how many sessions there are.
type SessionStatistics struct {
	Active int64 `json:"active"`
}

// TokenStatistics is how many tokens there are.
type TokenStatistics struct {
	AccessTokens int64 `json:"unexpired_access_tokens" doc:"Neither expired nor revoked themselves. One whose authorization or session was ended counts until it expires."`
}

// SignInStatistics is how often somebody signed in, by the audit log.
type SignInStatistics struct {
	Successes int64 `json:"successes_24h"`
	Failures  int64 `json:"failures_24h" doc:"Those that were let through to be tried; what a limit refuses is not counted."`
}

func (d *Dashboard) count(ctx context.Context, now time.Time) (Statistics, error) {
	counted := Statistics{CountedAt: now.UTC()}
	users, err := d.counts.Users.Statistics(ctx)
	if err != nil {
		return counted, err
	}
	clients, err := d.counts.Clients.Statistics(ctx)
	if err != nil {
		return counted, err
	}
	signIns, err := d.counts.Events.Count(ctx, audit.SignIn, counted.CountedAt.Add(-24*time.Hour))
	if err != nil {
		return counted, err
	}
	if counted.Sessions.Active, err = d.counts.Sessions.CountActive(ctx); err != nil {
		return counted, err
	}
	if counted.Tokens.AccessTokens, err = d.counts.Tokens.CountUnexpired(ctx); err != nil {
		return counted, err
	}
	counted.Users, counted.Clients, counted.SignIns = UserStatistics(users), ClientStatistics(clients), SignInStatistics(signIns)
	return counted, nil
}
