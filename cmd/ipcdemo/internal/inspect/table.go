package inspect

import (
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// names are separated by commas on the command line.
type names []string

// printTables prints the chosen columns, of each kind those that it has.
func (c *Ls) printTables(w io.Writer, d *details) error {
	all := make(map[string][]map[string]any)
	var parts []string
	for _, k := range []kinds{ofQueues, ofSegments, ofSets} {
		if !k.within(c.which()) {
			continue
		}
		var chosen []column
		for _, name := range c.Output {
			if found, err := findColumns([]string{name}, k); err == nil {
				chosen = append(chosen, found...)
			}
		}
		objects := d.objects(k)
		if c.JSON {
			all[k.plural()] = rows(d, objects, chosen)
			continue
		}
		if chosen != nil {
			parts = append(parts, c.table(d, objects, chosen))
		}
	}
	if c.JSON {
		return term.PrintJSON(w, all)
	}
	_, err := io.WriteString(w, strings.Join(parts, "\n"))
	return err
}

func (k kinds) within(others kinds) bool {
	return k.Queues && others.Queues || k.Segments && others.Segments || k.Sets && others.Sets
}

// plural is what one kind is called in JSON.
func (k kinds) plural() string {
	switch {
	case k.Queues:
		return "queues"
	case k.Segments:
		return "segments"
	}
	return "sets"
}

func (c *Ls) table(d *details, objects []object, chosen []column) string {
	var out strings.Builder
	t := term.NewTable(&out, 0)
	if !c.Headless {
		var heads []string
		for _, col := range chosen {
			heads = append(heads, col.name)
		}
		t.Row(heads...)
	}
	for _, o := range objects {
		var cells []string
		for _, col := range chosen {
			cells = append(cells, c.cell(col.value(d, o)))
		}
		t.Row(cells...)
	}
	t.Flush()
	if c.Headless {
		return term.TrimLines(out.String())
	}
	return term.HeadFirst(term.TrimLines(out.String()))
}

// cell is a value for people.
func (c *Ls) cell(v any) string {
	switch v := v.(type) {
	case size:
		if c.Bytes {
			return fmt.Sprint(uint64(v))
		}
		return term.Bytes(uint64(v))
	case time.Time:
		if v.IsZero() {
			return "-"
		}
		return v.Local().Format(time.DateTime)
	case string:
		if v == "" {
			return "-"
		}
	}
	return fmt.Sprint(v)
}

// rows are the values for programs.
func rows(d *details, objects []object, chosen []column) []map[string]any {
	all := []map[string]any{}
	for _, o := range objects {
		row := make(map[string]any)
		for _, col := range chosen {
			v := col.value(d, o)
			if t, ok := v.(time.Time); ok {
				v = timeJSON(t)
			}
			row[strings.ToLower(col.name)] = v
		}
		all = append(all, row)
	}
	return all
}
