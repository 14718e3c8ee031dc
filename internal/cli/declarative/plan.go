package declarative

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

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
	// Remark is what people should know of a step besides, "" for nothing.
	Remark string `json:"remark,omitempty"`

	of      kind
	id      string // of the record in addresses, "" if it has to be made first
	manager string // the document's name
	wanted  entry
	send    map[string]any // the fields of the creation or change
	secret  secret.Redacted
	etag    string
	// unlisted says that the document has no list of the record's kind.
	unlisted bool
}

// Plan is what has to be done so that a server is as a document says.
type Plan struct {
	Name  string `json:"name"`
	Steps []Step `json:"steps"`
}

// Pruning says what becomes of records that the document managed and does not name any more. Those of
// a kind that it has no list of stay: a list that is lost is no list of none.
type Pruning string

// What becomes of them.
const (
	Keep  Pruning = "keep"
	Prune Pruning = "prune"
)

// Adoption says what becomes of somebody's account that the document names and that follows
// no file yet.
type Adoption string

// What becomes of it.
const (
	Refuse Adoption = "refuse"
	Adopt  Adoption = "adopt"
)

// Options say how a document is compared. Variables are required; the zero values of the others
// are those that do least.
type Options struct {
	Variables Variables
	Pruning   Pruning
	Adoption  Adoption
}

// Reasons why a record can't become what a document says.
var (
	// ErrNotAdopted is returned for an account that exists and follows no file, unless it is adopted.
	ErrNotAdopted = errors.New("the account exists already and follows no file")

	errPromotion = errors.New("it exists already, follows no file and is no administrator: a file doesn't make it one as it takes it over; leave that out, apply it, and say it then")
	errTwice     = errors.New("it is the same as one that stands above")
)

// planner compares a document with a server.
type planner struct {
	api      API
	document Document
	options  Options
}

// Make compares a document with a server. Nothing is changed. Secrets are read, because
// only their values tell whether the server has them.
func Make(ctx context.Context, api API, document Document, options Options) (Plan, error) {
	p := planner{api, document, options}
	plan := Plan{Name: document.Name}
	for _, of := range document.kinds {
		for _, wanted := range document.entries[of.name] {
			step, err := p.compare(ctx, of, wanted)
			if err == nil && step.id != "" && plan.has(step) {
				err = errTwice
			}
			if err != nil {
				return Plan{}, fmt.Errorf("%s: the %s %s: %w", wanted.where, of.name, wanted.key, err)
			}
			plan.Steps = append(plan.Steps, step)
		}
	}
	for _, of := range slices.Backward(document.kinds) { // what needs others goes before them
		gone, err := p.gone(ctx, of, plan)
		if err != nil && (document.named[of.name] || !remote.LacksScope(err)) { // who may do less can apply less
			return Plan{}, fmt.Errorf("look for what the file does not name any more: %w", err)
		}
		plan.Steps = append(plan.Steps, gone...)
	}
	return plan, nil
}

// has tells whether there is a step for the same record.
func (p Plan) has(step Step) bool {
	return slices.ContainsFunc(p.Steps, func(other Step) bool { return other.Kind == step.Kind && other.id == step.id })
}

// compare finds out what has to be done so that a record is as the file says.
func (p planner) compare(ctx context.Context, of kind, wanted entry) (Step, error) {
	step := Step{Kind: of.name, Key: wanted.key, of: of, manager: p.document.Name, wanted: wanted, send: map[string]any{}}
	current, err := p.find(ctx, &step)
	if err != nil {
		return Step{}, err
	}
	if err := p.compareManager(&step, current); err != nil {
		return Step{}, err
	}
	if err := step.compareFields(current); err != nil {
		return Step{}, err
	}
	if err := p.compareSecret(ctx, &step); err != nil {
		return Step{}, err
	}
	isNew := step.id == ""
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

// find returns the record of a step as it is, and notes its identifier; there is neither if it
// has to be made first.
func (p planner) find(ctx context.Context, step *Step) (current map[string]any, err error) {
	of, id := step.of, step.Key
	if of.finds != "" {
		if id, err = p.identify(ctx, of, step.Key); err != nil || id == "" {
			return nil, err
		}
	}
	answer, err := p.api.Do(ctx, remote.Request{Method: http.MethodGet, Path: remote.Join(of.member, id), Scope: of.scopeToRead()})
	if remote.IsStatus(err, http.StatusNotFound) {
		return nil, nil //nolint:nilnil // there is none, and nothing went wrong
	}
	if err != nil {
		return nil, err
	}
	step.id, step.etag = id, answer.ETag
	return current, answer.Into(&current)
}

// identify returns the identifier of the record that a key names, "" if there is none. One that is
// found by another of its names is not meant.
func (p planner) identify(ctx context.Context, of kind, key string) (string, error) {
	for record, err := range p.api.Items(ctx, of.list(map[string]string{of.finds: key}), of.member, 0) {
		current := map[string]any{}
		if err == nil {
			err = json.Unmarshal(record, &current)
		}
		if err != nil {
			return "", err
		}
		if name, _ := current[of.key].(string); !strings.EqualFold(name, key) {
			return "", fmt.Errorf("there it is called %s: say that in the file", remote.Printable(name)) //nolint:err113 // for a person, once
		}
		id, _ := current[of.id].(string)
		return id, nil
	}
	return "", nil
}

// compareManager marks a record with the document's name, unless it is the server's own.
func (p planner) compareManager(step *Step, current map[string]any) error {
	if isBuiltIn, _ := current[builtInField].(bool); isBuiltIn {
		return nil
	}
	before, _ := current[managedField].(string)
	if before != "" && before != p.document.Name {
		return fmt.Errorf("it is managed by %q, which another file is called", before) //nolint:err113 // for a person, once
	}
	if step.id == "" {
		step.send[managedField] = p.document.Name
		return nil
	}
	if before == "" && step.wanted.fields[administratorField] == true && current[administratorField] != true {
		return errPromotion
	}
	if before == "" && step.of.belongs && p.options.Adoption != Adopt {
		return ErrNotAdopted
	}
	if before == "" && !step.wanted.secret.isZero() && step.of.isInitial(step.of.secret) {
		step.Remark = "it has been there before, and keeps the " + step.of.secret + " that it has"
	}
	step.differ(managedField, current[managedField], p.document.Name)
	return nil
}

// compareFields notes the fields that are not as the file says.
func (s *Step) compareFields(current map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(s.wanted.fields)) {
		switch wanted := s.wanted.fields[name]; {
		case s.id == "":
			s.differ(name, nil, wanted)
		case s.of.isInitial(name):
		case s.of.change.has(name):
			s.differ(name, current[name], wanted)
		case !isSame(canonical(current[name]), canonical(wanted)):
			return fmt.Errorf("%s can only be set when it is created", name) //nolint:err113 // for a person, once
		}
	}
	for name, of := range s.of.checked {
		_, isWanted := s.wanted.fields[name]
		if _, isSent := s.send[of]; isWanted && isSent { // or it would end with the value that was checked
			s.send[name] = s.wanted.fields[name]
		}
	}
	return nil
}

// differ notes a field that is not as wanted, to be sent. A field that is not there is empty.
func (s *Step) differ(name string, before, after any) {
	before, after = canonical(before), canonical(after)
	if isSame(before, after) {
		return
	}
	s.send[name] = after
	s.Differences = append(s.Differences, Difference{name, before, after})
}

func isSame(before, after any) bool {
	before, after = withoutNothing(before), withoutNothing(after)
	return reflect.DeepEqual(before, after) || isEmpty(before) && isEmpty(after)
}

// withoutNothing leaves members out of an object that are null or empty texts: they aren't kept.
func withoutNothing(value any) any {
	object, isObject := value.(map[string]any)
	if !isObject {
		return value
	}
	object = maps.Clone(object)
	maps.DeleteFunc(object, func(_ string, member any) bool { return member == nil || member == "" })
	return object
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

// compareSecret asks the server whether it has the secret: it can't be read. With one that a record
// only begins with, its owner may have another one by now.
func (p planner) compareSecret(ctx context.Context, step *Step) error {
	wanted, of := step.wanted.secret, step.of
	if wanted.isZero() || step.id != "" && of.isInitial(of.secret) {
		return nil
	}
	value, err := wanted.read(p.options.Variables)
	if err != nil {
		return err
	}
	known := struct {
		Valid bool `json:"valid"`
	}{}
	if step.id != "" {
		answer, err := p.api.Do(ctx, remote.Request{
			Method: http.MethodPost, Path: step.path("secrets", "check"), Scope: of.scopeToWrite(), Body: map[string]string{of.secret: value.Reveal()},
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
		step.Differences = append(step.Differences, Difference{Field: of.secret, After: "the secret of " + wanted.String()})
	}
	return nil
}

// gone returns what the document manages on the server and does not name any more.
func (p planner) gone(ctx context.Context, of kind, plan Plan) ([]Step, error) {
	var steps []Step
	for record, err := range p.api.Items(ctx, of.list(map[string]string{managedField: p.document.Name}), of.member, 0) {
		if err != nil {
			return nil, err
		}
		current := map[string]any{}
		if err := json.Unmarshal(record, &current); err != nil {
			return nil, fmt.Errorf("read a %s: %w", of.name, err)
		}
		key, _ := current[of.key].(string)
		id, _ := current[of.id].(string)
		step := Step{Action: Abandon, Kind: of.name, Key: key, of: of, id: id, manager: p.document.Name, unlisted: !p.document.named[of.name]}
		if current[managedField] != p.document.Name || plan.has(step) || plan.makes(step) {
			continue
		}
		if p.options.Pruning == Prune && !step.unlisted {
			step.Action = Delete
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// makes tells whether a record is made of which somebody else may have been faster to make it.
func (p Plan) makes(step Step) bool {
	return slices.ContainsFunc(p.Steps, func(other Step) bool {
		return other.Action == Create && other.Kind == step.Kind && step.of.isNamed(step.Key, other.Key)
	})
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
