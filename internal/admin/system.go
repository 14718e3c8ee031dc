package admin

import (
	"context"
	"strings"
	"time"

	"authly/internal/audit"
	"authly/internal/buildinfo"
	signing "authly/internal/keys"
	"authly/internal/platform/clock"
	"authly/internal/platform/fault"
	"authly/internal/platform/jobs"
)

// Jobs is the housekeeping of this node.
type Jobs interface {
	States() []jobs.State
	Ask(name string) bool
}

// Features says what is switched on. It has no secrets, and no addresses of other systems.
type Features struct {
	GrantTypes            []string `json:"grant_types"`
	Registration          string   `json:"registration" doc:"Who may register clients: off, initial_access_token or open."`
	RequestURI            bool     `json:"request_uri" doc:"Whether request objects are fetched from addresses of clients."`
	SessionManagement     bool     `json:"session_management" doc:"Whether clients may watch sessions in the browser."`
	AdministrationAddress bool     `json:"administration_address" doc:"Whether the administration has an address of its own."`
	TLS                   bool     `json:"tls" doc:"Whether this server itself speaks TLS."`
	Redis                 bool     `json:"redis" doc:"Whether attempts are counted in Redis."`
	Development           bool     `json:"development" doc:"Whether it was started with --dev."`
	AuditRetention        int64    `json:"audit_retention" doc:"For how many seconds audit events are kept; 0 for ever."`
}

// system shows the state of this node, and runs its housekeeping.
type system struct {
	issuer    string
	startedAt time.Time
	clock     clock.Clock
	keys      SigningKeys
	jobs      Jobs
	features  Features
	dashboard *Dashboard
	log       Recorder
	store     store
}

// SystemStatus is the state of the node that answers.
type SystemStatus struct {
	Version   buildinfo.Info `json:"version"`
	Issuer    string         `json:"issuer"`
	Now       time.Time      `json:"now" doc:"By the clock of the node."`
	StartedAt time.Time      `json:"started_at"`
	Uptime    int64          `json:"uptime" doc:"In seconds."`
	Database  DatabaseStatus `json:"database"`
	Keys      KeyStatus      `json:"keys"`
	Jobs      []JobStatus    `json:"jobs" doc:"The housekeeping of this node."`
	Features  Features       `json:"features"`
}

// DatabaseStatus says how the database is.
type DatabaseStatus struct {
	Engine  string `json:"engine" doc:"sqlite or postgres."`
	Reached bool   `json:"reachable"`
	Version int64  `json:"schema_version,omitempty" doc:"The newest step of the schema that was applied."`
	Pending int    `json:"pending_migrations" doc:"How many steps this version has that were not applied."`
}

// KeyStatus says how many signing keys there are.
type KeyStatus struct {
	Active  int        `json:"active"`
	Next    int        `json:"next"`
	Retired int        `json:"retired"`
	Rotates *time.Time `json:"rotates_at,omitempty" doc:"When the schedule rotates one the next time."`
}

// JobStatus says what is known of a job on the node that answers.
type JobStatus struct {
	Name      string     `json:"name"`
	Every     int64      `json:"interval" doc:"In seconds."`
	Running   bool       `json:"running"`
	StartedAt *time.Time `json:"started_at,omitempty" doc:"When it was last begun."`
	EndedAt   *time.Time `json:"ended_at,omitempty" doc:"When it last ended."`
	Failed    bool       `json:"failed" doc:"Whether it failed then. The server's log says why."`
}

func jobView(state jobs.State) JobStatus {
	return JobStatus{
		Name: nameOfJob(state), Every: int64(state.Every / time.Second), Running: state.Running,
		StartedAt: timeOrNil(state.StartedAt), EndedAt: timeOrNil(state.EndedAt), Failed: state.Failed,
	}
}

// nameOfJob fits into a path.
func nameOfJob(state jobs.State) string { return strings.ReplaceAll(state.Name, " ", "-") }

func (s *system) status(ctx context.Context) (SystemStatus, error) {
	now := s.clock.Now()
	shown := SystemStatus{
		Version: buildinfo.Read(), Issuer: s.issuer, Now: now.UTC(), StartedAt: s.startedAt.UTC(), Uptime: int64(now.Sub(s.startedAt) / time.Second),
		Jobs: []JobStatus{}, Features: s.features,
	}
	for _, state := range s.jobs.States() {
		shown.Jobs = append(shown.Jobs, jobView(state))
	}
	var err error
	if shown.Database, err = s.store.status(ctx); err != nil || !shown.Database.Reached {
		return shown, err
	}
	shown.Keys, err = s.keyStatus(ctx)
	return shown, err
}

func (s *system) keyStatus(ctx context.Context) (KeyStatus, error) {
	var shown KeyStatus
	all, err := s.keys.List(ctx)
	for _, key := range all {
		switch key.State {
		case signing.Active:
			shown.Active++
			if at := s.keys.Plan(key).RotatesAt.UTC(); shown.Rotates == nil || at.Before(*shown.Rotates) {
				shown.Rotates = &at
			}
		case signing.Next:
			shown.Next++
		case signing.Retired:
			shown.Retired++
		}
	}
	return shown, err
}

func (s *system) job(name string) (jobs.State, error) {
	for _, state := range s.jobs.States() {
		if nameOfJob(state) == name {
			return state, nil
		}
	}
	return jobs.State{}, fault.New(fault.NotFound, "system.job_unknown")
}

// run has a job done before its time, on this node. The record is there first: what the job
// does itself is its own.
func (s *system) run(ctx context.Context, who Principal, name string) (jobs.State, error) {
	wanted, err := s.job(name)
	if err != nil {
		return wanted, err
	}
	err = s.store.inTransaction(ctx, func(ctx context.Context) error {
		err := s.log.Record(ctx, audit.Event{
			Action: audit.JobRun, Outcome: audit.Success, Actor: who.actor(), ClientID: who.ClientID, Target: audit.Target{Kind: "job", ID: name, Name: wanted.Name},
		})
		if err == nil && !s.jobs.Ask(wanted.Name) {
			err = fault.New(fault.Unavailable, "system.jobs_stopped")
		}
		return err
	})
	if err != nil {
		return wanted, err
	}
	return s.job(name)
}
