package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Check is one thing that a specification says about a provider.
type Check struct {
	ID            string // stable: the specification's short name, its section and a word
	Specification string
	Section       string
	Title         string
	run           func(p *probe)
}

// Outcome is what became of a check.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Warning Outcome = "warning"
	Skipped Outcome = "skipped"
)

// Result is a check with its outcome.
type Result struct {
	ID            string  `json:"id"`
	Specification string  `json:"specification"`
	Section       string  `json:"section"`
	Title         string  `json:"title"`
	Outcome       Outcome `json:"outcome"`
	Detail        string  `json:"detail,omitempty"`
}

// Report is what a run found out.
type Report struct {
	Issuer  string   `json:"issuer"`
	Results []Result `json:"results"`
}

// Checks returns all checks, by specification.
func Checks() []Check {
	return slices.Concat(
		discoveryChecks(), metadataChecks(), keyChecks(), endpointChecks(), authorizationChecks(), responseChecks(), openIDChecks(), modeChecks(),
		tokenChecks(), bindingChecks(), logoutChecks(), backChannelChecks(), frontChannelChecks(), registrationChecks(), dynamicChecks(),
		rotationChecks(), transportChecks(),
	)
}

// Run makes the checks whose ID, specification or title contains only, all if it is
// empty. The error says why none could be made.
func Run(ctx context.Context, target Target, only string) (Report, error) {
	env, err := newEnvironment(ctx, target)
	if err != nil {
		return Report{}, err
	}
	defer env.close()
	report := Report{Issuer: env.Issuer}
	for _, check := range Checks() {
		if only != "" && !strings.Contains(strings.ToLower(check.ID+" "+check.Specification+" "+check.Title), strings.ToLower(only)) {
			continue
		}
		outcome, detail := attempt(ctx, env, check)
		if err := ctx.Err(); err != nil { // what became of this check says nothing
			return report, fmt.Errorf("interrupted: %w", err)
		}
		report.Results = append(report.Results, Result{check.ID, check.Specification, check.Section, check.Title, outcome, detail})
	}
	return report, nil
}

// verdict ends a check early.
type verdict struct {
	outcome Outcome
	detail  string
}

// attempt makes one check. Whatever goes wrong in it is its failure.
func attempt(ctx context.Context, env *environment, check Check) (outcome Outcome, detail string) {
	p := &probe{ctx: ctx, env: env}
	defer p.cleanUp()
	defer func() {
		switch ended := recover().(type) {
		case nil:
			outcome = Passed
			if len(p.warnings) > 0 {
				outcome, detail = Warning, strings.Join(p.warnings, "; ")
			}
		case verdict:
			outcome, detail = ended.outcome, ended.detail
		default:
			outcome, detail = Failed, fmt.Sprint("the kit could not read the answer: ", ended)
		}
	}()
	check.run(p)
	return Passed, ""
}

// Count returns how many results have an outcome.
func (r Report) Count(outcome Outcome) int {
	count := 0
	for _, result := range r.Results {
		if result.Outcome == outcome {
			count++
		}
	}
	return count
}
