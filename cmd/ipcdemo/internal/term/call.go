package term

import (
	"context"
	"os"

	"github.com/alecthomas/kong"
)

// Main runs the command of a command line, as kong describes one, that the program was
// called with, and ends the program. Commands get a context, and what cancels it. About
// is what the program is for.
func Main(commandLine any, about string) {
	command, err := Parse(commandLine, os.Args[1:], about)
	if err != nil {
		Complain(err)
		os.Exit(2)
	}
	os.Exit(exitCode(Run(command)))
}

// Parse returns the command that the arguments call, which can be meant.
func Parse(commandLine any, args []string, about string) (*kong.Context, error) {
	return kong.Must(commandLine, kong.Name("ipcdemo"), kong.Description(about),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true})).Parse(args)
}

// Run runs a command.
func Run(command *kong.Context) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(cancel)
	return command.Run()
}
