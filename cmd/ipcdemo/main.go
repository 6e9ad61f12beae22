// Ipcdemo shows System V shared memory, semaphores and message queues at work
// between processes, and lists and removes such objects.
//
// It uses the public packages of this module alone, as any importer would.
// Results go to standard output; messages and progress go to standard error.
// It exits 0 when all is well, 1 when something failed or did not add up, 2
// when it was called wrongly, and 128 + n after signal n.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"example.com/sysvipc/sysv"
)

// commandLine is everything that can be said to ipcdemo.
type commandLine struct {
	Run    runCommand    `cmd:"" default:"withargs" help:"Count in children that share a segment and a lock, and verify the sum (the default)."`
	Join   joinCommand   `cmd:"" help:"Count along in a run that another terminal started."`
	Queue  queueCommand  `cmd:"" help:"Send messages through a queue, from producers to consumers, and verify that each arrives once and in order."`
	Ls     lsCommand     `cmd:"" help:"List message queues, segments and semaphore sets, as ipcs does."`
	Rm     rmCommand     `cmd:"" help:"Remove message queues, segments and semaphore sets, as ipcrm does."`
	Watch  watchCommand  `cmd:"" help:"Show all objects and the processes that use them, live."`
	Bench  benchCommand  `cmd:"" help:"Measure the library on this machine."`
	Child  childCommand  `cmd:"" hidden:""`
	Worker workerCommand `cmd:"" hidden:""`
	Peer   peerCommand   `cmd:"" hidden:""`
	Passer passerCommand `cmd:"" hidden:""`
}

func main() {
	command, err := parse(os.Args[1:])
	if err != nil {
		complain(err)
		os.Exit(2)
	}
	os.Exit(exitCode(run(command)))
}

// parse returns the command that the arguments call, which can be meant.
func parse(args []string) (*kong.Context, error) {
	var cl commandLine
	parser := kong.Must(&cl,
		kong.Name("ipcdemo"),
		kong.Description("System V shared memory, semaphores and message queues between processes."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	return parser.Parse(args)
}

func run(command *kong.Context) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(cancel)
	return command.Run()
}

func exitCode(err error) int {
	var interrupt interrupted
	switch {
	case err == nil:
		return 0
	case errors.As(err, &interrupt):
		fmt.Fprintf(os.Stderr, "ipcdemo: %v\n", err)
		return interrupt.exitCode()
	case errors.Is(err, errSaid):
		return 1
	}
	complain(err)
	return 1
}

// errSaid ends the program with 1 after all has been said.
var errSaid = errors.New("failed")

// hinted is an error with something to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// complain prints one line that says what is wrong, and a hint below it where
// there is one.
func complain(err error) {
	message, hint := err.Error(), ""
	if e, ok := errors.AsType[*sysv.Error](err); ok && e.Hint != "" {
		hint = e.Hint
		message = strings.Replace(message, " ("+hint+")", "", 1)
	}
	if h, ok := errors.AsType[hinted](err); ok {
		hint = h.hint
	}
	fmt.Fprintf(os.Stderr, "ipcdemo: %s\n", message)
	if hint != "" {
		fmt.Fprintf(os.Stderr, "  hint: %s\n", hint)
	}
}

// keyFlag is a key on the command line.
type keyFlag sysv.Key

// Decode takes what follows the flag even where it looks like another flag, as
// -1 does, which is a key.
func (k *keyFlag) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	if token.IsEOL() {
		return errors.New("missing key")
	}
	key, err := sysv.ParseKey(token.String())
	*k = keyFlag(key)
	return err
}
