package main

import (
	"fmt"
	"strings"

	"authly"
)

// banner tells somebody who started the server what to do next. It is the one
// place where credentials that were made are shown.
func banner(settings authly.Config, notice authly.Notice, on authly.Listeners) string {
	var text strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	line("")
	line("  Authly is ready.")
	line("")
	line("  Issuer      %s", settings.Issuer)
	line("  Listening   %s", on.Main.Addr())
	if on.Administration != nil {
		line("  Administer  %s   (the API of the administration, and nothing else)", on.Administration.Addr())
	}
	line("  Discovery   %s/.well-known/openid-configuration", settings.Issuer)
	if dev := notice.Dev; dev != nil {
		line("  Playground  %s/playground   (a whole sign-in, step by step)", settings.Issuer)
		line("")
		line("  Sign in as            %s", dev.User.Username)
		line("  with password         %s", dev.User.Password.Reveal())
		line("  Administer as         %s", dev.Administrator.Username)
		line("  with password         %s", dev.Administrator.Password.Reveal())
		line("  Public client         %s", dev.PublicClient.ClientID)
		line("  Confidential client   %s", dev.ConfidentialClient.ClientID)
		line("  with secret           %s", dev.ConfidentialClient.ClientSecret.Reveal())
		line("  Redirect URIs         http://127.0.0.1:<any port>/callback, also with localhost and [::1]")
		line("  For scripts           %s", dev.File)
		line("")
		line("  A token, now:")
		line("")
		line("    curl -s -u '%s:%s' -d grant_type=client_credentials %s/oauth/token",
			dev.ConfidentialClient.ClientID, dev.ConfidentialClient.ClientSecret.Reveal(), settings.Issuer)
		line("")
		line("  From a terminal, as the administrator:")
		line("")
		line("    authly login --server %s", settings.Issuer)
		line("")
		line("  This is for development: only this machine can reach it.")
	}
	if !notice.SetupURL.IsZero() {
		line("")
		line("  There is no administrator yet. Create the first one here; the address works once and for an hour:")
		line("")
		line("    %s", notice.SetupURL.Reveal())
	}
	line("")
	line("  Stop with Ctrl-C.")
	line("")
	return text.String()
}
