package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/config"
)

// Recovery is a way back in for an operator.
type Recovery struct {
	URL     string
	Expires time.Time
	// Username is whose password can be chosen there, "" for a page that creates an administrator.
	Username string
}

func (p Program) recoverCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "recover",
		Short: "Get back in as an administrator, or go on from a backup",
		Long:  `Get back in, or go on from a backup. It is for the server's own machine: it needs the server's configuration and its database.`,
	})
	group.AddCommand(p.recoverAdminCommand(), p.recoverBackupCommand())
	return group
}

func (p Program) recoverAdminCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "admin",
		Short: "Make a one-time URL that leads to an administrator's account",
		Long: `Make a one-time URL, good for an hour, on a running server: a new administrator is
created there, beside those that there are. With --username, that administrator chooses a
new password there and is enabled again; an account that is no administrator is not made one.

An URL that was made before ends. Both this and its use are in the audit log.`,
		Example: "  authly recover admin\n  authly recover admin --username ada --config /etc/authly.yaml",
	}
	var username string
	var recover listAction[Recovery]
	if p.Actions.RecoverAdmin != nil {
		recover = func(ctx context.Context, settings config.Config) ([]Recovery, error) {
			if command.Flags().Changed("username") && username == "" {
				return nil, usagef("--username is empty: name an administrator, or leave it out")
			}
			made, err := p.Actions.RecoverAdmin(ctx, settings, username)
			return []Recovery{made}, err
		}
	}
	list(p, command, recover, recoveryView())
	command.Flags().StringVar(&username, "username", "", "the `name` or e-mail address of the administrator who chooses a new password (default a new administrator)")
	return command
}

func recoveryView() view[Recovery] {
	type document struct {
		URL      string    `json:"url"`
		Expires  time.Time `json:"expires_at"`
		Username string    `json:"username,omitempty"`
	}
	return view[Recovery]{
		item: func(r Recovery) any { return document{r.URL, r.Expires.UTC(), r.Username} },
		text: func(_ config.Config, r Recovery) string {
			purpose := "A new administrator is created there"
			if r.Username != "" {
				purpose = "The administrator " + r.Username + " chooses a new password there"
			}
			return fmt.Sprintf("%s\n\n%s, once, until %s.\nThe server has to run for it. Give the address to nobody else.\n", r.URL, purpose, timeText(r.Expires, "-"))
		},
	}
}
