package bench

import (
	"fmt"
	"os"
	"strconv"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv/sem"
)

// Peer is a second process of a measurement: it takes turns, or counts.
type Peer struct {
	Set     int  `required:""`
	Segment int  `help:"Where the count is."`
	Group   int  `help:"Group of the lock to count under, or -1: the set's."`
	Count   bool `help:"Count until told to stop."`
	Await   int  `help:"Semaphore that is raised when it is our turn."`
	Wake    int  `help:"Semaphore to raise when we have had it."`
	CPU     int  `help:"CPU to stay on, while taking turns."`
	Turns   int  `help:"How many turns to take."`
}

func (c *Peer) args() []string {
	return []string{"peer",
		"--set", strconv.Itoa(c.Set), "--segment", strconv.Itoa(c.Segment), fmt.Sprintf("--group=%d", c.Group), fmt.Sprintf("--count=%t", c.Count),
		"--await", strconv.Itoa(c.Await), "--wake", strconv.Itoa(c.Wake), "--cpu", strconv.Itoa(c.CPU),
		"--turns", strconv.Itoa(c.Turns)}
}

// Run plays the part.
func (c *Peer) Run() error {
	if !c.Count {
		if err := stayOn(c.CPU); err != nil {
			return err
		}
	}
	// What is measured is waiting that only the kernel ends: the parent's end
	// is the process's at once.
	children.LiveWithParent(func(error) { os.Exit(1) })
	set, err := sem.OpenID(c.Set)
	if err != nil {
		return err
	}
	if c.Count {
		return c.count(set)
	}
	return c.takeTurns(set)
}

// startPeers starts a process for each part. On an error it returns those that
// it started before.
func startPeers(parts ...*Peer) (*children.Children, error) {
	cs := children.New(len(parts))
	for _, p := range parts {
		if err := cs.Start(false, p.args()...); err != nil {
			return cs, err
		}
	}
	return cs, nil
}
