// Package conformance holds the behaviours that the kernel promises of System V
// IPC, one row each, and shows that the public packages let every one of them
// through. It has only tests:
//
//	go test -v ./sysv/internal/test/conformance
//
// prints the rows and, at the end, how many were shown, how many were not and
// why. The rows were gathered from the manual pages, the kernel's source and its
// tests, and from probes; each subtest has its row's id for a name: SHM-001 of
// segments, SEM-001 of sets, MSG-001 of queues.
//
// Under an emulator a row that this can't show is skipped, and says so with a
// limit of package emulator. Where that is a part of the row, it comes last, after
// all else has been checked.
package conformance
