// Package conformance holds the behaviours that the kernel promises of System V
// IPC, one row each, and shows that the public packages let every one of them
// through. It has only tests:
//
//	go test -v ./sysv/internal/conformance
//
// prints the rows and, at the end, how many were shown, how many were not and
// why. The rows were gathered from the manual pages, the kernel's source and its
// tests, and from probes; each subtest has its row's id for a name.
package conformance
