// Package cli has the commands of the program `authly`: what they are called,
// which flags they take, how their results look and with which status they end.
// What they do comes from outside as [Actions], so that the package knows neither
// the server nor its database.
//
// Results go to the standard output, as a table for people or as JSON for
// programs; problems go to the standard error, each with what to do about it.
// The exit status is one of [ExitOK], [ExitFailure], [ExitUsage] and
// [ExitConfiguration].
package cli
