package bench

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// chartFile is where a chart is to be: a file beside the one that it replaces once it is
// whole. What can't be written is known before anything is measured.
type chartFile struct {
	*os.File
	path string
}

func createChartFile(path string) (*chartFile, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is no file, which a chart could replace")}
	}
	// Not by os.CreateTemp, whose files are their owner's alone.
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		e.Path = path
	}
	if err != nil {
		return nil, err
	}
	return &chartFile{f, path}, nil
}

// replace writes the chart, and puts it in its place.
func (f *chartFile) replace(write func(io.Writer) error) error {
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), f.path)
}

// discard removes what has not come to its place.
func (f *chartFile) discard() {
	f.Close()
	os.Remove(f.Name())
}
