package declarative

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"authly/internal/cli/remote"
	"authly/internal/platform/secret"
)

// API is the administration of one server; see [remote.Client].
type API interface {
	Do(ctx context.Context, request remote.Request) (remote.Answer, error)
	Items(ctx context.Context, request remote.Request, member string, most int) iter.Seq2[json.RawMessage, error]
}

// Action is what is done to a record.
type Action string

// The actions.
const (
	Create  Action = "create"
	Change  Action = "change"
	Delete  Action = "delete"
	Leave   Action = "leave"   // it is as the file says
	Abandon Action = "abandon" // the file doesn't name it any more, and it stays
)

// Difference is a field that is not as the file says.
type Difference struct {
	Field  string `json:"field"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// Step is what has to be done to one record.
type Step struct {
	Action      Action       `json:"action"`
	Kind        string       `json:"kind"`
	Key         string       `json:"key"`
	Differences []Difference `json:"differences,omitempty"`

	of     kind
	wanted entry
	send   map[string]any // the fields of the creation or change
	secret secret.Redacted
	etag   string
}

// Plan is what has to be done so that a server is as a document says.
type Plan struct {
	Name  string `json:"name"`
	Steps []Step `json:"steps"`
}

// Pruning says what becomes of records that the document managed and does not name any more.
type Pruning string

// What becomes of them.
const (
	Keep  Pruning = "keep"
	Prune Pruning = "prune"
)

// planner compares a document with a server.
type planner struct {
	api       API
	document  Document
	variables Variables
}

// Make compares a document with a server. Nothing is changed. Secrets are read, because
// only their values tell whether the server has them.
func Make(ctx context.Context, api API, document Document, variables Variables, pruning Pruning) (Plan, error) {
	p := planner{api, document, variables}
	plan := Plan{Name: document.Name}
	for _, of := range document.kinds {
		for _, wanted := range document.entries[of.name] {
			step, err := p.compare(ctx, of, wanted)
			if err != nil {
				return Plan{}, fmt.Errorf("%s: the %s %s: %w", wanted.where, of.name, wanted.key, err)
			}
			plan.Steps = append(plan.Steps, step)
		}
	}
	for _, of := range slices.Backward(document.kinds) { // what needs others goes before them
		gone, err := p.gone(ctx, of, pruning)
		if err != nil {
			return Plan{}, fmt.Errorf("look for what the file does not name any more: %w", err)
		}
		plan.Steps = append(plan.Steps, gone...)
	}
	return plan, nil
}

// compare finds out what has to be done so that a record is as the file says.
func (p planner) compare(ctx context.Context, of kind, wanted entry) (Step, error) {
	step := Step{Kind: of.name, Key: wanted.key, of: of, wanted: wanted, send: map[string]any{}}
	answer, err := p.api.Do(ctx, remote.Request{Method: http.MethodGet, Path: remote.Join(of.member, wanted.key), Scope: of.scopeToRead()})
	isNew := remote.IsStatus(err, http.StatusNotFound)
	if err != nil && !isNew {
		return Step{}, err
	}
	current := map[string]any{}
	if !isNew {
		if err := answer.Into(&current); err != nil {
			return Step{}, err
		}
		step.etag = answer.ETag
	}
	if err := p.compareManager(&step, current, isNew); err != nil {
		return Step{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(wanted.fields)) {
		if !isNew && !of.change.has(name) {
			if !reflect.DeepEqual(canonical(current[name]), canonical(wanted.fields[name])) {
				return Step{}, fmt.Errorf("%s can only be set when it is created", name) //nolint:err113 // for a person, once
			}
			continue
		}
		step.differ(name, current[name], wanted.fields[name])
	}
	if err := p.compareSecret(ctx, &step, isNew); err != nil {
		return Step{}, err
	}
	if before, _ := current[stateField].(string); wanted.state != "" && before != wanted.state && (!isNew || wanted.state != active) {
		step.Differences = append(step.Differences, Difference{stateField, current[stateField], wanted.state})
	}
	switch {
	case isNew:
		step.Action = Create
	case len(step.Differences) > 0:
		step.Action = Change
	default:
		step.Action = Leave
	}
	return step, nil
}

// compareManager marks a record with the document's name, unless it is the server's own.
func (p planner) compareManager(step *Step, current map[string]any, isNew bool) error {
	if isBuiltIn, _ := current[builtInField].(bool); isBuiltIn {
		return nil
	}
	before, _ := current[managedField].(string)
	if before != "" && before != p.document.Name {
		return fmt.Errorf("it is managed by %q, which another file is called", before) //nolint:err113 // for a person, once
	}
	if isNew {
		step.send[managedField] = p.document.Name
		return nil
	}
	step.differ(managedField, current[managedField], p.document.Name)
	return nil
}

// differ notes a field that is not as wanted, to be sent. A field that is not there is empty.
func (s *Step) differ(name string, before, after any) {
	before, after = canonical(before), canonical(after)
	if reflect.DeepEqual(before, after) || isEmpty(before) && isEmpty(after) {
		return
	}
	s.send[name] = after
	s.Differences = append(s.Differences, Difference{name, before, after})
}

func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}

// canonical returns a value as JSON gives it back, so that the same things are equal.
func canonical(value any) any {
	encoded, err := json.Marshal(value)
	if err != nil {
		return value
	}
	var decoded any
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		return value
	}
	return decoded
}

// compareSecret asks the server whether it has the secret: it can't be read.
func (p planner) compareSecret(ctx context.Context, step *Step, isNew bool) error {
	wanted := step.wanted.secret
	if wanted.isZero() {
		return nil
	}
	value, err := wanted.read(p.variables)
	if err != nil {
		return err
	}
	known := struct {
		Valid bool `json:"valid"`
	}{}
	if !isNew {
		answer, err := p.api.Do(ctx, remote.Request{
			Method: http.MethodPost, Path: remote.Join(step.of.member, step.Key, "secrets", "check"), Scope: step.of.scopeToWrite(),
			Body: map[string]string{step.of.secret: value.Reveal()},
		})
		if err != nil {
			return err
		}
		if err := answer.Into(&known); err != nil {
			return err
		}
	}
	if !known.Valid {
		step.secret = value
		step.Differences = append(step.Differences, Difference{Field: step.of.secret, After: "the secret of " + wanted.String()})
	}
	return nil
}

// gone returns what the document manages on the server and does not name any more.
func (p planner) gone(ctx context.Context, of kind, pruning Pruning) ([]Step, error) {
	var steps []Step
	listed := remote.Request{Method: http.MethodGet, Path: remote.Join(of.member), Scope: of.scopeToRead()}
	for record, err := range p.api.Items(ctx, listed, of.member, 0) {
		if err != nil {
			return nil, err
		}
		current := map[string]any{}
		if err := json.Unmarshal(record, &current); err != nil {
			return nil, fmt.Errorf("read a %s: %w", of.name, err)
		}
		key, _ := current[of.key].(string)
		isNamed := slices.ContainsFunc(p.document.entries[of.name], func(each entry) bool { return each.key == key })
		if current[managedField] != p.document.Name || isNamed {
			continue
		}
		step := Step{Action: Abandon, Kind: of.name, Key: key, of: of}
		if pruning == Prune {
			step.Action = Delete
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// Changes returns how many steps change something.
func (p Plan) Changes() int {
	return p.count(Create) + p.count(Change) + p.count(Delete)
}

// Deletions returns how many records are deleted.
func (p Plan) Deletions() int { return p.count(Delete) }

func (p Plan) count(action Action) int {
	count := 0
	for _, step := range p.Steps {
		if step.Action == action {
			count++
		}
	}
	return count
}
