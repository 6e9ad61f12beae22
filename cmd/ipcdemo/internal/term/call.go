package term

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/willabides/kongplete"
)

// Flags are those of the program itself.
type Flags struct {
	Color   When              `enum:"auto,always,never" default:"auto" help:"Colours: auto, on a terminal and unless NO_COLOR is set; always; or never. JSON has none."`
	Version kong.VersionFlag  `help:"Print which version this is."`
	Man     mangokong.ManFlag `help:"Print the manual page, for man -l -."`
}

// Main runs the command of a command line, as kong describes one, that the program was
// called with, and ends the program. Commands get a context, and what cancels it. About
// is what the program is for. Where a shell asks how the line goes on, it is told that.
func Main(commandLine any, about string) {
	chooseColours(os.Args[1:])
	parser := newParser(commandLine, about)
	kongplete.Complete(parser)
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		Complain(err)
		os.Exit(2)
	}
	os.Exit(exitCode(Run(command)))
}

// Parse returns the command that the arguments call, which can be meant.
func Parse(commandLine any, args []string, about string) (*kong.Context, error) {
	return newParser(commandLine, about).Parse(args)
}

func newParser(commandLine any, about string) *kong.Kong {
	return kong.Must(commandLine, kong.Name("ipcdemo"), kong.Description(about), kong.Vars{"version": version()},
		numbers(), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: -1}))
}

// version is what the build says: a release, or which commit it is made of.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "ipcdemo, of which no version is known"
	}
	said := "ipcdemo " + info.Main.Version
	if info.Main.Version == "" {
		said = "ipcdemo (devel)"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			said += ", commit " + setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				said += ", changed since"
			}
		}
	}
	return said + ", " + info.GoVersion
}

// Run runs a command.
func Run(command *kong.Context) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(cancel)
	return command.Run()
}
