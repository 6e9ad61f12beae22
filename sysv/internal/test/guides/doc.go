// Package guides tests what docs/ and SECURITY.md say.
//
// Each guide has a file of its name here, with tests in the guide's order that are
// named after what it says. What guides show in Go stands in that file, word for
// word; what they show in other languages is taken out of the guide, and compiled
// or run as it is.
//
// The guide for who comes from C, forking.md, has its tests in package sysv.
package guides
