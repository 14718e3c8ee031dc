// Package app puts the program together: [New] builds every module in order,
// one screenful, and [App.Run] runs what has a life of its own. It is the only
// package that sees everything, and nobody but the facade imports it.
package app
