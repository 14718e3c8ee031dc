package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"authly/internal/config"
)

// EndedKind is how many of one kind were ended.
type EndedKind struct {
	// Name is in the plural, with underscores.
	Name  string
	Count int64
}

func (p Program) recoverBackupCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "backup",
		Short: "End everything that was issued before a backup was restored",
		Long: `End everything that was issued, after a backup was restored and before the server is started
on it. In a restored backup, what was ended after the backup was made counts again.

It ends all sessions, tokens, authorization codes, consents, sign-ins and password changes in
progress, invitations, links of set-up and recovery, and initial access tokens, in one
transaction, and shows how many of each, expired ones included. People sign in again, and are
asked for their consent again. Clients get no logout tokens. It can be repeated. It refuses
while another process, such as the server, has the database open.

Resource servers that check signatures only accept a JWT access token until it expires. To end
that too, and because a key that was withdrawn after the backup is back, run
` + "`authly local keys rotate --force`" + `, start the server, and withdraw the keys from before
with ` + "`authly key withdraw`" + `.

Passwords, client secrets, and which accounts and clients are disabled or deleted are as they
were when the backup was made.`,
		Example: "  authly recover backup\n  authly recover backup --yes --config /etc/authly.yaml",
	}
	var confirmed, registrationTokens bool
	var end listAction[EndedKind]
	if p.Actions.RecoverBackup != nil {
		end = func(ctx context.Context, settings config.Config) ([]EndedKind, error) {
			if !confirmed {
				if err := p.confirm(command, "End everything that was issued, such as sessions, tokens and consents?", "ends all sessions, tokens and consents"); err != nil {
					return nil, err
				}
			}
			return p.Actions.RecoverBackup(ctx, settings, registrationTokens)
		}
	}
	list(p, command, end, endedView())
	command.Flags().BoolVarP(&confirmed, "yes", "y", false, "don't ask")
	command.Flags().BoolVar(&registrationTokens, "registration-access-tokens", false,
		"end registration access tokens too: clients that registered themselves can't change their records any more")
	return command
}

func endedView() view[EndedKind] {
	type document struct {
		Kind  string `json:"kind"`
		Count int64  `json:"ended"`
	}
	return view[EndedKind]{
		heading: []string{"KIND", "ENDED"},
		item:    func(e EndedKind) any { return document{e.Name, e.Count} },
		row: func(e EndedKind) []string {
			return []string{strings.ReplaceAll(e.Name, "_", " "), strconv.FormatInt(e.Count, 10)}
		},
	}
}
