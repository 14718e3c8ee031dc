package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"authly/internal/cli/account"
	"authly/internal/cli/remote"
	"authly/internal/platform/relyingparty"
	"authly/internal/platform/secret"
	"authly/internal/protocol/jose"
)

func (p Program) logoutCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "logout",
		Short: "Sign out: give the tokens of a profile back and delete them",
		Long: `Sign out of a profile: the server ends what it gave, and it is deleted from this machine, also if
the server can't be reached. The profile stays, for the next "authly login".`,
		Example: "  authly logout\n  authly logout --profile readonly",
		Args:    noArguments,
	}
	wanted := addConnectionFlags(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		at, err := p.connect(wanted)
		if err != nil {
			return err
		}
		if at.profile.Name == "" {
			return usagef("%s says who you are: there is nothing to sign out of", at.source)
		}
		known, err := at.book.Credentials(command.Context(), at.profile)
		if errors.Is(err, account.ErrNoCredentials) {
			p.tell("You were not signed in to %s.\n", at.server)
			return nil
		}
		if err != nil {
			return err
		}
		if err := at.signOut(command.Context(), known); err != nil {
			p.tell("The tokens are deleted from this machine. The server could not be told:\n")
			return at.explained(err)
		}
		p.tell("Signed out of %s.\n", at.server)
		return nil
	}
	return command
}

// signOut deletes the tokens here in any case, and then gives them back.
func (c *connection) signOut(ctx context.Context, known account.Credentials) error {
	if err := c.book.Forget(ctx, c.profile); err != nil {
		return err
	}
	provider, err := c.provider(ctx)
	if err != nil {
		return err
	}
	for _, token := range []secret.Redacted{known.Refresh, known.Access} {
		if token.IsZero() {
			continue
		}
		if err := provider.Revoke(ctx, c.profile.ClientID, token); err != nil && !relyingparty.IsRefusal(err, "invalid_request") {
			return err
		}
	}
	return nil
}

// identity is what whoami shows.
type identity struct {
	Server      string     `json:"server"`
	Profile     string     `json:"profile,omitempty"`
	Subject     string     `json:"subject,omitempty"`
	Username    string     `json:"username,omitempty"`
	ClientID    string     `json:"client_id,omitempty"`
	Scopes      []string   `json:"scopes"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	Credentials string     `json:"credentials"`
}

func (p Program) whoamiCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "whoami",
		Short:   "Show as whom you work with which server, and what you may do",
		Example: "  authly whoami\n  authly whoami --output json",
		Args:    noArguments,
	}
	wanted, output := addConnectionFlags(command), newResultFlag()
	output.register(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		at, err := p.connect(wanted)
		if err != nil {
			return err
		}
		shown, err := at.identity(command.Context())
		if err != nil {
			return at.explained(err)
		}
		if !output.table() {
			return output.write(command.OutOrStdout(), shown)
		}
		return writePairs(command.OutOrStdout(), [][2]string{
			{"Server", shown.Server},
			{"Profile", shown.Profile},
			{"User", shown.Username},
			{"Subject", shown.Subject},
			{"Client", shown.ClientID},
			{"Scopes", strings.Join(shown.Scopes, " ")},
			{"Token until", timeText(orZero(shown.ExpiresAt), "")},
			{"Kept in", shown.Credentials},
		})
	}
	return command
}

func orZero(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

// identity finds out who it is. What the environment gives is believed to be what it
// says; only the server can tell, and it does so with every request.
func (c *connection) identity(ctx context.Context) (identity, error) {
	shown := identity{Server: c.server, Profile: c.profile.Name, Credentials: c.source, Scopes: []string{}}
	token, err := c.tokens.Token(ctx, strings.Join(administrationScopes(), " "))
	if err != nil {
		return shown, err
	}
	if c.profile.Name == "" {
		return shown.saidBy(token), nil
	}
	known, err := c.book.Credentials(ctx, c.profile)
	if err != nil {
		return shown, err
	}
	shown.Subject, shown.Username, shown.ClientID = c.profile.Subject, c.profile.Username, c.profile.ClientID
	shown.Scopes, shown.ExpiresAt, shown.Credentials = strings.Fields(known.Scope), timeOrNil(known.ExpiresAt), string(c.profile.Place)
	return shown, nil
}

// saidBy adds what an access token says, if it can be read (RFC 9068).
func (i identity) saidBy(token secret.Redacted) identity {
	var claims struct {
		Subject  string `json:"sub"`
		ClientID string `json:"client_id"`
		Scope    string `json:"scope"`
		Expires  int64  `json:"exp"`
	}
	if err := jose.UnmarshalUnverified(token.Reveal(), &claims); err != nil {
		return i
	}
	i.Subject, i.ClientID, i.Scopes = claims.Subject, claims.ClientID, strings.Fields(claims.Scope)
	if i.Subject == i.ClientID {
		i.Subject = ""
	}
	if claims.Expires > 0 {
		i.ExpiresAt = timeOrNil(time.Unix(claims.Expires, 0))
	}
	return i
}

func (p Program) profileCommand() *cobra.Command {
	group := asGroup(&cobra.Command{
		Use:   "profile",
		Short: "List, choose and delete the servers that you signed in to",
	})
	group.AddCommand(p.profileListCommand(), p.profileUseCommand(), p.profileDeleteCommand())
	return group
}

func (p Program) profileListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "Show all profiles", Example: "  authly profile list\n  authly profile list --quiet", Args: noArguments}
	output := newResultFlag()
	output.register(command)
	output.registerQuiet(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		book, err := p.book()
		if err != nil {
			return err
		}
		profiles, current, err := book.List()
		if err != nil {
			return err
		}
		if output.quiet {
			for _, profile := range profiles {
				_, _ = fmt.Fprintln(command.OutOrStdout(), profile.Name)
			}
			return nil
		}
		if !output.table() {
			if profiles == nil {
				profiles = []account.Profile{}
			}
			return output.write(command.OutOrStdout(), map[string]any{"current": current, "profiles": profiles})
		}
		if len(profiles) == 0 {
			_, err := fmt.Fprintln(command.OutOrStdout(), "There are no profiles; \"authly login\" makes them.")
			return err
		}
		rows := make([][]string, len(profiles))
		for i, profile := range profiles {
			mark := ""
			if profile.Name == current {
				mark = "*"
			}
			rows[i] = []string{mark, profile.Name, profile.Server, remote.Printable(cmp.Or(profile.Username, profile.Subject)), string(profile.Place)}
		}
		return writeTable(command.OutOrStdout(), []string{" ", "NAME", "SERVER", "USER", "TOKENS IN"}, rows)
	}
	return command
}

func (p Program) profileUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Choose the profile that counts when none is named", Example: "  authly profile use readonly",
		Args: oneArgument("the name of a profile"), ValidArgsFunction: p.completeProfiles,
		RunE: func(_ *cobra.Command, arguments []string) error {
			book, err := p.book()
			if err != nil {
				return err
			}
			return book.Use(arguments[0])
		},
	}
}

func (p Program) profileDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Sign out of a profile and delete it", Example: "  authly profile delete readonly",
		Args: oneArgument("the name of a profile"), ValidArgsFunction: p.completeProfiles,
		RunE: func(command *cobra.Command, arguments []string) error {
			at, err := p.withoutEnvironment().connect(&connectionFlags{profile: arguments[0]})
			if err != nil {
				return err
			}
			known, err := at.book.Credentials(command.Context(), at.profile)
			if err == nil {
				err = at.signOut(command.Context(), known)
			}
			if err != nil && !errors.Is(err, account.ErrNoCredentials) {
				p.tell("authly: warning: the server could not be told: %v\n", err)
			}
			return at.book.Delete(at.profile.Name)
		},
	}
}

// withoutEnvironment is the program where only profiles say who somebody is.
func (p Program) withoutEnvironment() Program {
	p.Environment = []string{}
	return p
}

// completeProfiles suggests the names of profiles.
func (p Program) completeProfiles(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	book, err := p.book()
	if err != nil || len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	profiles, _, err := book.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, len(profiles))
	for i, profile := range profiles {
		names[i] = profile.Name + "\t" + profile.Server
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
