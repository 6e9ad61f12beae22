package bench

import (
	"context"
	"slices"
)

// figure is one line of the result.
type figure struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	cpus    int     // that it needs
	measure func(context.Context, *bench) (float64, error)

	of   quantity // what it is in the chart, if anything,
	line *line    // of which line,
	x    int      // and where
}

var figures = slices.Concat(alone, contention(underMutex, "a Mutex", semopLine), contention(underFast, "a fast lock", fastLine),
	passing(messages, "a queue", queueLine), passing(records, "a ring", ringLine), cancelled)
