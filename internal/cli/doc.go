// Package cli has the commands of the program `authly`: what they are called,
// which flags they take, how their results look and with which status they end.
//
// What the commands for a server of this machine do comes from outside as [Actions], so that the
// package knows neither the server nor its database. The others are clients of a server, as any
// OAuth client is: package signin gets their tokens, package account keeps them, package
// remote sends what they ask for, and package openapi reads what can be asked.
//
// Results go to the standard output, as a table for people or as JSON for
// programs; problems go to the standard error, each with what to do about it.
// The exit status is one of [ExitOK], [ExitFailure] and the others beside them.
//
//go:generate go test -run ^TestReferenceIsCurrent$ -update .
package cli
