// Ipcdemo shows System V shared memory, semaphores and message queues at work
// between processes, and lists and removes such objects.
//
// It uses the public packages of this module alone, as any importer would.
// Results go to standard output; messages and progress go to standard error.
// It exits 0 when all is well, 1 when something failed or did not add up, 2
// when it was called wrongly, and 128 + n after signal n.
package main

import (
	"example.com/sysvipc/cmd/ipcdemo/internal/bench"
	"example.com/sysvipc/cmd/ipcdemo/internal/counting"
	"example.com/sysvipc/cmd/ipcdemo/internal/inspect"
	"example.com/sysvipc/cmd/ipcdemo/internal/messages"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// commandLine is everything that can be said to ipcdemo.
type commandLine struct {
	term.Flags

	Run        counting.Run    `cmd:"" default:"withargs" help:"Count in children that share a segment and a lock, and verify the sum (the default)."`
	Join       counting.Join   `cmd:"" help:"Count along in a run that another terminal started."`
	Queue      messages.Queue  `cmd:"" help:"Send messages through a queue, from producers to consumers, and verify that each arrives once and in order."`
	Ls         inspect.Ls      `cmd:"" help:"List message queues, segments and semaphore sets, as ipcs does."`
	Rm         inspect.Rm      `cmd:"" help:"Remove message queues, segments and semaphore sets, as ipcrm does."`
	Gc         inspect.Gc      `cmd:"" help:"Find, and remove, what nobody needs any more, and say why."`
	Make       inspect.Make    `cmd:"" help:"Make message queues, segments and semaphore sets, as ipcmk does."`
	Watch      inspect.Watch   `cmd:"" help:"Show all objects and the processes that use them, live."`
	Bench      bench.Bench     `cmd:"" help:"Measure the library on this machine."`
	Completion term.Completion `cmd:"" help:"Print what makes a shell complete this command line."`
	Child      counting.Child  `cmd:"" hidden:""`
	Worker     messages.Worker `cmd:"" hidden:""`
	Peer       bench.Peer      `cmd:"" hidden:""`
	Passer     bench.Passer    `cmd:"" hidden:""`
}

const about = "System V shared memory, semaphores and message queues between processes."

func main() { term.Main(new(commandLine), about) }
