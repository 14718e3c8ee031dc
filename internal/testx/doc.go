// Package testx has what tests of the whole server need: a [Server] that is
// composed as in production and answers on a port of its own, people and clients
// made through the services, and a [Browser] that fills in the pages' forms as a person does.
//
// Every secret that passes through these helpers is remembered, and when a test
// ends, the server's whole log is searched for all of them.
package testx
