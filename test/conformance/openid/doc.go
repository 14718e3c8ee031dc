// Command openid starts Authly for the conformance suite of the OpenID Foundation:
// over https, with the clients, the user and the settings that its plans for providers
// need, and with a configuration for each plan in which only the suite's own address
// has to be right. See README.md beside it.
//
// Everything is made anew at each start, in one directory: a certificate, a database,
// clients with fresh secrets, one user with a value for every standard claim, an initial access
// token. It is for tests of this server on one's own machine, and nothing else: attempts are hardly
// limited, and clients may have addresses on this machine.
package main
