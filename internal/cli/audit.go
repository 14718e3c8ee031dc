package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/config"
	"authly/internal/platform/clock"
)

// AuditQuery says which events are wanted.
type AuditQuery struct {
	Action, Outcome, Actor, Client, Target string
	Since, Until                           time.Time
	Most                                   int // 0: all
}

// AuditEvent is an event of the audit log. Its JSON is what an export has in each line.
type AuditEvent struct {
	ID         string    `json:"id"`
	OccurredAt time.Time `json:"occurred_at"`
	Action     string    `json:"action"`
	Outcome    string    `json:"outcome"`
	ActorKind  string    `json:"actor_kind"`
	ActorID    string    `json:"actor_id,omitempty"`
	ActorName  string    `json:"actor_name,omitempty"`
	ClientID   string    `json:"client_id,omitempty"`
	TargetKind string    `json:"target_kind,omitempty"`
	TargetID   string    `json:"target_id,omitempty"`
	TargetName string    `json:"target_name,omitempty"`
	Address    string    `json:"address,omitempty"`
	RequestID  string    `json:"request_id,omitempty"`
	Details    any       `json:"details"`
	Batch      int64     `json:"batch,omitempty"`
}

// AuditVerification is what a look at the chain of the log found.
type AuditVerification struct {
	Batches, Events, Deleted, Unsealed int64
	Head                               string
	Problem                            string
}

// AuditExportVerification is what a look at an export found. The rest counts only without a problem.
type AuditExportVerification struct {
	Events           int64
	At, HeadSealedAt time.Time
	Head             string
	Problem          string
}

// ErrExportChanged is returned after the report of an export that is not as it was written.
var ErrExportChanged = errors.New("the export was changed")

// ErrChainBroken is returned after the report of a chain that is not as it was sealed.
var ErrChainBroken = errors.New("the audit log was changed")

// inTheLog says what the log has, and what it does not: see package audit.
const inTheLog = `It has who signed in, allowed and changed what, and when, with sign-ins that failed, and codes and
refresh tokens that were used again. Of other requests that were refused it has clients that could not
prove who they are, refusals of the administration, and throttled sign-ins; a flood leaves a few events.`

// lastLine says what the last line of an export is for.
const lastLine = `The last line has the head of the chain, the number of events, and a seal: "authly audit verify --export"
finds a line that was changed, left out or added.`

func (p Program) auditCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "audit",
		Short: "Read the audit log, and prove that it was not changed",
		Long: "Read the audit log, and prove that it was not changed.\n\n" + inTheLog + `

The server seals events into a chain of batches every minute; "authly audit verify" shows, on
the server's own machine, whether somebody has changed them since.`,
	})
	group.AddCommand(p.auditVerifyCommand())
	return group
}

// localAuditCommand reads the log without the server.
func (p Program) localAuditCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "audit",
		Short: "Read the audit log",
		Long:  "Read the audit log.\n\n" + inTheLog,
	})
	group.AddCommand(p.auditListCommand(), p.auditExportCommand())
	return group
}

// auditFlags are those that say which events are wanted.
type auditFlags struct {
	query        AuditQuery
	since, until string
}

func (f *auditFlags) register(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.query.Action, "action", "", "only events of this `action`, such as session.sign_in")
	flags.StringVar(&f.query.Actor, "actor", "", "only what was done by this user or client (an `id`)")
	flags.StringVar(&f.query.Client, "client", "", "only what was done through this client (a `client_id`)")
	flags.StringVar(&f.query.Target, "target", "", "only what was done to this `id`")
	outcome := &choice{choices: []string{"success", "failure"}}
	flags.Var(outcome, "outcome", "only what ended so")
	flags.StringVar(&f.since, "since", "", "only from this `time` on: 2026-11-25, 2026-11-25T12:00:00Z, or 24h for the last day")
	flags.StringVar(&f.until, "until", "", "only before this `time`")
	command.PreRunE = func(*cobra.Command, []string) error {
		f.query.Outcome = outcome.value
		var err error
		if f.query.Since, err = auditTime("since", f.since); err != nil {
			return err
		}
		f.query.Until, err = auditTime("until", f.until)
		return err
	}
}

// auditTime reads a time, or how long ago it was.
func auditTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return parsed, nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return clock.System().Now().Add(-ago), nil
	}
	return time.Time{}, usagef("--%s is %q, not a time such as 2026-11-25, 2026-11-25T12:00:00Z or 24h", flag, text)
}

func (p Program) auditListCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "Show the newest events", Args: noArguments,
		Example: "  authly local audit list\n  authly local audit list --action session.sign_in --outcome failure --since 24h\n  authly local audit list --limit 1000 --output json",
	}
	settings, output := addSettingsFlags(command), newOutputFlag()
	output.register(command)
	var wanted auditFlags
	wanted.register(command)
	command.Flags().IntVar(&wanted.query.Most, "limit", 50, "at most this `number`, up to 10000")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if most := wanted.query.Most; most < 1 || most > 10_000 {
			return usagef("--limit is %d, not from 1 to 10000", most)
		}
		loaded, err := settings.loadAndWarn(p)
		if err != nil {
			return err
		}
		if p.Actions.AuditRead == nil {
			return errNotInThisBuild
		}
		events := []AuditEvent{}
		err = p.Actions.AuditRead(command.Context(), loaded, wanted.query, func(event AuditEvent) error {
			events = append(events, event)
			return nil
		})
		if err != nil {
			return err
		}
		if output.json() {
			return writeJSON(command.OutOrStdout(), events)
		}
		if len(events) == 0 {
			_, err := fmt.Fprintln(command.OutOrStdout(), "There are no such events.")
			return err //nolint:wrapcheck // the terminal's
		}
		rows := make([][]string, len(events))
		for i, event := range events {
			rows[i] = []string{
				timeText(event.OccurredAt, ""), event.Action, event.Outcome, named(event.ActorKind, event.ActorName, event.ActorID),
				named(event.TargetKind, event.TargetName, event.TargetID), event.Address,
			}
		}
		return writeTable(command.OutOrStdout(), []string{"TIME", "ACTION", "OUTCOME", "ACTOR", "TARGET", "ADDRESS"}, rows)
	}
	return command
}

func counted(count int64, one, more string) string {
	if count == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", count, more)
}

// named shows somebody, or something, by the name if there is one. Names are what
// others chose: quoting keeps them from steering the terminal.
func named(kind, name, id string) string {
	if name == "" {
		name = id
	}
	if name == "" {
		return kind
	}
	quoted := fmt.Sprintf("%q", name)
	return kind + " " + quoted[1:len(quoted)-1]
}

func (p Program) auditExportCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "export", Short: "Write events as JSON lines, the newest first", Args: noArguments,
		Long:    "Write events as JSON lines, the newest first.\n\n" + lastLine,
		Example: "  authly local audit export > audit.jsonl\n  authly local audit export --since 2026-11-01 --until 2026-12-01 > november.jsonl",
	}
	settings := addSettingsFlags(command)
	var wanted auditFlags
	wanted.register(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		loaded, err := settings.loadAndWarn(p)
		if err != nil {
			return err
		}
		if p.Actions.AuditExport == nil {
			return errNotInThisBuild
		}
		buffered := bufio.NewWriter(command.OutOrStdout())
		if err := p.Actions.AuditExport(command.Context(), loaded, wanted.query, buffered); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return fmt.Errorf("write an export: %w", err)
		}
		return nil
	}
	return command
}

func (p Program) auditVerifyCommand() *cobra.Command {
	var head, exported string
	command := &cobra.Command{
		Use: "verify", Short: "Show whether sealed events were changed since", Args: noArguments,
		Long: `Show whether events were changed, added or taken out since they were sealed. Note the
head that is printed, apart from the server: with --head, events that were cut off at the
end since then are found as well.

With --export, show instead whether an export is as the server wrote it, also when its
events are not in the log any more. It needs the server's settings, as the key of the chain is in its database.`,
		Example: "  authly audit verify\n  authly audit verify --head \"$HEAD\"\n  authly audit verify --export november.jsonl",
	}
	settings := addSettingsFlags(command)
	command.Flags().StringVar(&head, "head", "", "a `head` that was noted before")
	command.Flags().StringVar(&exported, "export", "", "look at this export, a `file`, or - for the standard input")
	command.MarkFlagsMutuallyExclusive("head", "export")
	command.RunE = func(command *cobra.Command, _ []string) error {
		loaded, err := settings.loadAndWarn(p)
		if err != nil {
			return err
		}
		if exported != "" {
			return p.verifyExport(command, loaded, exported)
		}
		if p.Actions.AuditVerify == nil {
			return errNotInThisBuild
		}
		found, err := p.Actions.AuditVerify(command.Context(), loaded, head)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s in %s: as sealed.\n", counted(found.Events, "event", "events"), counted(found.Batches, "batch", "batches"))
		if found.Problem != "" {
			text = fmt.Sprintf("The log is not as it was sealed: %s.\n", found.Problem)
		}
		if found.Deleted > 0 {
			text += fmt.Sprintf("%s deleted by the server, as their time was over.\n", counted(found.Deleted, "batch", "batches"))
		}
		if found.Unsealed > 0 {
			text += fmt.Sprintf("%s not sealed yet; a running server does that every minute.\n", counted(found.Unsealed, "event", "events"))
		}
		if found.Problem == "" && found.Head != "" {
			text += fmt.Sprintf("\nHead: %s\n", found.Head)
		}
		if _, err := fmt.Fprint(command.OutOrStdout(), text); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		if found.Problem != "" {
			return ErrChainBroken
		}
		return nil
	}
	return command
}

// verifyExport reads the export in a file, or from the standard input.
func (p Program) verifyExport(command *cobra.Command, loaded config.Config, name string) error {
	if p.Actions.AuditVerifyExport == nil {
		return errNotInThisBuild
	}
	from := command.InOrStdin()
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the caller's own choice
		if err != nil {
			return fmt.Errorf("open the export: %w", err)
		}
		defer func() { _ = file.Close() }()
		from = file
	}
	found, err := p.Actions.AuditVerifyExport(command.Context(), loaded, from)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s: as exported at %s.\n", counted(found.Events, "event", "events"), timeText(found.At, ""))
	switch {
	case found.Problem != "":
		text = fmt.Sprintf("The export is not as it was written: %s.\n", found.Problem)
	case found.Head != "":
		text += fmt.Sprintf("\nHead: %s, sealed at %s\n", found.Head, timeText(found.HeadSealedAt, ""))
	}
	if _, err := fmt.Fprint(command.OutOrStdout(), text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if found.Problem != "" {
		return ErrExportChanged
	}
	return nil
}
