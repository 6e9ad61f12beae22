package term

import (
	"fmt"
	"os"
	"strings"
)

// Completion prints what makes a shell complete the command line. The shell then runs the
// program with the line in COMP_LINE, for which Main has the answer.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// snippets are to be evaluated by a shell as it starts.
var snippets = map[string]string{
	"bash": "complete -C 'BIN' ipcdemo\n",
	"zsh":  "autoload -U +X bashcompinit && bashcompinit\ncomplete -C 'BIN' ipcdemo\n",
	"fish": `function __complete_ipcdemo
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct); and set COMP_LINE "$COMP_LINE "
    'BIN'
end
complete -f -c ipcdemo -a "(__complete_ipcdemo)"
`,
}

// Run prints the snippet.
func (c *Completion) Run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	quote := strings.NewReplacer("'", `'\''`) // for bash and zsh
	if c.Shell == "fish" {
		quote = strings.NewReplacer(`\`, `\\`, "'", `\'`)
	}
	_, err = fmt.Print(strings.Replace(snippets[c.Shell], "BIN", quote.Replace(self), 1))
	return err
}
