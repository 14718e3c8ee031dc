package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/cli/remote"
)

// invocation is what was said about one use of a verb.
type invocation struct {
	*bound
	body    *body
	query   map[string]*string
	output  *resultFlag
	most    int
	dry     bool
	yes     bool
	command *cobra.Command
	typed   []string // the arguments, as the person wrote them
	sent    map[string]any
}

// timeParameter are the parameters of lists that are times.
var timeParameter = regexp.MustCompile(`^(|.*_)(since|until|after|before)$`)

// prepared is a command line that was understood.
type prepared func(at *connection) error

// invocation adds the flags of a verb to its command.
func (b *bound) invocation(command *cobra.Command) *invocation {
	made := &invocation{bound: b, body: addBodyFlags(command, b), query: map[string]*string{}, output: newResultFlag(), command: command}
	flags := command.Flags()
	for _, each := range b.query {
		name := flagOf(each.Name, formText, b.flags)
		if by, ok := b.named[each.Name]; ok { // it is more than an identifier here
			each.Description = strings.TrimSuffix(by.what+"; "+helpOf(each.Description, formText), "; ")
		}
		flag := &choice{choices: each.Schema.Words()}
		if len(flag.choices) > 0 {
			flags.Var(flag, name, helpOf(cmp.Or(each.Description, "only those whose "+strings.ReplaceAll(each.Name, "_", " ")+" is this"), formText))
			made.query[each.Name] = &flag.value
			continue
		}
		made.query[each.Name] = flags.String(name, "", helpOf(cmp.Or(each.Description, "only those with this "+strings.ReplaceAll(each.Name, "_", " ")), formText))
	}
	if b.paged && b.manner == lists {
		flags.IntVar(&made.most, "limit", 50, "at most this `number`; 0 for all")
	}
	if b.manner != lists && b.manner != shows && b.manner != copies {
		flags.BoolVar(&made.dry, "dry-run", false, "show what would be sent, and change nothing")
	}
	if b.question != "" {
		flags.BoolVarP(&made.yes, "yes", "y", false, "don't ask")
	}
	if b.manner != removes && b.manner != copies {
		made.output.register(command)
		if b.id != "" {
			made.output.registerQuiet(command)
		}
	}
	return made
}

// prepare reads what was said; nobody is asked before all of it was understood.
func (r *invocation) prepare(command *cobra.Command, arguments []string) (prepared, error) {
	if r.most < 0 {
		return nil, usagef("--limit is %d, not 0 or more", r.most)
	}
	r.typed = arguments
	if err := r.readTimes(); err != nil {
		return nil, err
	}
	sent, err := r.body.read(command)
	if err != nil {
		return nil, err
	}
	r.sent = sent
	return func(at *connection) error {
		identified, err := r.identify(command.Context(), at, arguments)
		if err != nil {
			return err
		}
		request := r.request(identified)
		if sent != nil {
			request.Body = sent
		}
		request.Query = url.Values{}
		for name, value := range r.query {
			if *value == "" {
				continue
			}
			id, err := r.identifyOne(command.Context(), at, r.named[name], *value)
			if err != nil {
				return err
			}
			request.Query.Set(name, id)
		}
		return r.asSaid(r.do(command, at, identified, request, sent))
	}, nil
}

// readTimes makes the times that were said those that the server reads.
func (r *invocation) readTimes() error {
	for name, value := range r.query {
		if !timeParameter.MatchString(name) {
			continue
		}
		read, err := auditTime(flagOf(name, formText, r.flags), *value)
		if err != nil {
			return err
		}
		if *value = ""; !read.IsZero() {
			*value = read.UTC().Format(time.RFC3339)
		}
	}
	return nil
}

func (r *invocation) do(command *cobra.Command, at *connection, arguments []string, request remote.Request, sent map[string]any) error {
	ctx := command.Context()
	switch r.manner {
	case lists:
		return r.list(ctx, at, request)
	case copies:
		return at.admin.Copy(ctx, request, command.OutOrStdout())
	case changes:
		return r.change(ctx, at, arguments, request, sent)
	case shows, makes, removes, acts:
	}
	if r.dry {
		return r.tellRequest(at, request)
	}
	if err := r.confirm(); err != nil {
		return err
	}
	answer, err := at.admin.Do(ctx, request)
	if err != nil {
		return err
	}
	return r.show(answer)
}

func (r *invocation) list(ctx context.Context, at *connection, request remote.Request) error {
	if r.paged {
		request.Query.Set("limit", strconv.Itoa(remote.MaxPage)) // less is asked for if less is wanted
	}
	list := []json.RawMessage{}
	for item, err := range at.admin.Items(ctx, request, r.rows, r.most) {
		if err != nil {
			return err
		}
		list = append(list, item)
	}
	if len(list) == 0 {
		if err := r.knowsNamed(ctx, at, request.Query); err != nil {
			return err
		}
	}
	output := r.command.OutOrStdout()
	switch {
	case r.output.quiet:
		for _, item := range list {
			if _, err := fmt.Fprintln(output, remote.Printable(valueOf(item, r.id))); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
		}
		return nil
	case !r.output.table():
		return r.output.write(output, list)
	case len(list) == 0:
		r.program.tell("There are none.\n")
		return nil
	}
	if err := writeRows(output, r.columns, list); err != nil {
		return err
	}
	if r.most > 0 && len(list) == r.most {
		r.program.tell("There may be more: see --limit.\n")
	}
	return nil
}

// change sends what is different, on the condition that it still is as it was read.
func (r *invocation) change(ctx context.Context, at *connection, arguments []string, request remote.Request, sent map[string]any) error {
	reads := r.operations[r.reads]
	known, err := at.admin.Do(ctx, remote.Request{Method: http.MethodGet, Path: fill(reads.path, arguments), Scope: reads.Scope()})
	if err != nil {
		return err
	}
	different, err := differences(known.Body, sent)
	if err != nil {
		return err
	}
	if len(different) == 0 {
		r.program.tell("It is like that already.\n")
		return r.show(known)
	}
	if r.dry {
		for _, each := range different {
			line := fmt.Sprintf("%s: %s → %s", each.name, each.before, each.after)
			if _, err := fmt.Fprintln(r.command.OutOrStdout(), remote.Printable(line)); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
		}
		r.program.tell("Nothing was sent.\n")
		return nil
	}
	if err := r.confirm(); err != nil {
		return err
	}
	if r.matches {
		request.IfMatch = known.ETag
	}
	answer, err := at.admin.Do(ctx, request)
	if err != nil {
		return err
	}
	return r.show(answer)
}

// tellRequest shows what would be sent, without secrets.
func (r *invocation) tellRequest(at *connection, request remote.Request) error {
	address := at.api + remote.Path + request.Path
	if len(request.Query) > 0 {
		address += "?" + request.Query.Encode()
	}
	output := r.command.OutOrStdout()
	if _, err := fmt.Fprintf(output, "%s %s\n", request.Method, address); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if sent, ok := request.Body.(map[string]any); ok && len(sent) > 0 {
		seen := map[string]any{}
		for name, value := range sent {
			seen[name] = value
			if _, ok := value.(string); ok && secretMember.MatchString(name) {
				seen[name] = "(kept secret)"
			}
		}
		if err := writeJSON(output, seen); err != nil {
			return err
		}
	}
	r.program.tell("Nothing was sent.\n")
	return nil
}

// show writes what the server answered.
func (r *invocation) show(answer remote.Answer) error {
	output := r.command.OutOrStdout()
	if len(answer.Body) == 0 {
		if r.done != "" {
			r.program.tell(r.done+"\n", remote.Printable(strings.Join(r.typed, " ")))
		}
		return nil
	}
	var err error
	switch {
	case r.output.quiet:
		err = r.showQuiet(output, answer.Body)
	case !r.output.table():
		err = r.output.write(output, answer.Body)
	case r.rows != "":
		var list []json.RawMessage
		if err := json.Unmarshal(memberOf(answer.Body, r.rows), &list); err != nil {
			return fmt.Errorf("read what the server answered: %w", err)
		}
		err = writeRows(output, r.columns, list)
	default:
		err = writeOne(output, answer.Body)
	}
	if err != nil {
		return err
	}
	for _, name := range r.secrets {
		switch {
		case valueOf(answer.Body, name) != "":
			r.program.tell("\nCopy the %s now: it is not shown again.\n", name)
		case answer.Replayed:
			r.program.tell("\nAn earlier attempt had done it, and its answer was lost. If there was a %s in it, make another one.\n", name)
		}
	}
	return nil
}

// showQuiet writes the identifier, and what is shown this once on lines of their own.
func (r *invocation) showQuiet(output io.Writer, object json.RawMessage) error {
	for _, name := range append([]string{r.id}, r.secrets...) {
		if text := valueOf(object, name); text != "" {
			if _, err := fmt.Fprintln(output, remote.Printable(text)); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
		}
	}
	return nil
}
