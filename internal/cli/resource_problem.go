package cli

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"authly/internal/cli/remote"
	"authly/internal/config"
)

var (
	quotedMember = regexp.MustCompile(`"([a-z_]+)"`)
	boundOfTime  = regexp.MustCompile(`^take at (?:least|most) ([0-9]+)$`)
)

// asSaid returns what the server refused in the words of the command line: whoever gave a flag
// knows nothing of the member that was made of it.
func (r *invocation) asSaid(err error) error {
	var problem *remote.Problem
	if !errors.As(err, &problem) || len(problem.Fields) == 0 {
		return err
	}
	if unknown := r.unknownArgument(problem); unknown != nil {
		return unknown
	}
	told := *problem
	told.Fields = make([]remote.Field, len(problem.Fields))
	for i, each := range problem.Fields {
		told.Fields[i] = r.fieldAsSaid(each)
	}
	return &told
}

// unknownArgument returns the error for an argument that can't name anything, nil if it isn't
// the reason: to whoever typed it, it is not there.
func (r *invocation) unknownArgument(problem *remote.Problem) error {
	if problem.Status != http.StatusUnprocessableEntity {
		return nil
	}
	parameter, inPath := strings.CutPrefix(problem.Fields[0].Name, "path.")
	at := slices.Index(parametersOf(r.path), parameter)
	if !inPath || at < 0 || at >= len(r.typed) {
		return nil
	}
	return &unknownNameError{r.arguments[at].what, r.typed[at]}
}

// parametersOf returns the names of a path's parameters, in their order.
func parametersOf(path string) []string {
	var names []string
	for part := range strings.SplitSeq(path, "/") {
		if name, found := strings.CutPrefix(part, "{"); found {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

func (r *invocation) fieldAsSaid(field remote.Field) remote.Field {
	field.Message = quotedMember.ReplaceAllStringFunc(field.Message, func(quoted string) string {
		if said := r.saidAs(strings.Trim(quoted, `"`)); said != nil {
			return "--" + said.flag
		}
		return quoted
	})
	if name, found := strings.CutPrefix(field.Name, "query."); found && r.query[name] != nil {
		field.Name = "--" + flagOf(name, formText, r.flags)
		return field
	}
	name, inside := field.Name, ""
	if at := strings.IndexAny(name, ".["); at >= 0 {
		name, inside = name[:at], name[at:]
	}
	said := r.saidAs(name)
	if said == nil {
		return field
	}
	field.Name = "--" + said.flag
	switch {
	case said.form == formList:
		if one, found := said.entry(inside); found {
			field.Name += fmt.Sprintf(" %q", one)
		}
	case said.form == formSeconds:
		field.Message = withUnit(field.Message)
	case inside != "":
		field.Name += ", " + strings.TrimPrefix(inside, ".")
	}
	return field
}

// saidAs returns the member with a name if it was, or could have been, given as a flag; nil if
// it stands in the file.
func (r *invocation) saidAs(name string) *member {
	for _, each := range r.body.members {
		if each.name == name && (each.given || r.body.file == "") {
			return each
		}
	}
	return nil
}

// entry returns the value of a list at a place such as [1].
func (m *member) entry(place string) (string, bool) {
	list, _ := m.value.([]string)
	at, err := strconv.Atoi(strings.Trim(place, "[]"))
	if err != nil || at < 0 || at >= len(list) {
		return "", false
	}
	return list[at], true
}

// withUnit writes the bound of a time as flags have it.
func withUnit(message string) string {
	found := boundOfTime.FindStringSubmatch(message)
	if found == nil {
		return message
	}
	seconds, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil || seconds <= 0 || seconds > int64(100*365*24*time.Hour/time.Second) {
		return message
	}
	return strings.TrimSuffix(message, found[1]) + config.FormatDuration(time.Duration(seconds)*time.Second)
}
