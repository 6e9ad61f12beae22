package bench

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestChartFile: a chart that fails, or is given up, leaves what was there.
func TestChartFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chart.svg")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed")
	for _, write := range []func(io.Writer) error{nil, func(w io.Writer) error { io.WriteString(w, "ne"); return failed }} {
		f, err := createChartFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if write != nil {
			if err := f.replace(write); !errors.Is(err, failed) {
				t.Errorf("%v, want %v", err, failed)
			}
		}
		f.discard()
		if text, err := os.ReadFile(path); string(text) != "old" || err != nil {
			t.Errorf("the file is %q, %v", text, err)
		}
	}
	f, err := createChartFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.replace(func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Error(err)
	}
	f.discard()
	if text, err := os.ReadFile(path); string(text) != "new" || err != nil {
		t.Errorf("the file is %q, %v", text, err)
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, err := createChartFile(dir); err == nil {
		t.Error("a directory is taken")
	}
	if _, err := createChartFile(filepath.Join(dir, "no", "chart.svg")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
}
