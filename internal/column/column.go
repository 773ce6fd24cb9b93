// Package column keeps files of rows of one size: what a store holds beside its
// documents in row order, such as their vectors. A file is a header and the rows.
//
// Whoever owns a file remembers elsewhere how many rows are committed and their
// checksums. Bytes past the committed rows do not count, and the header is never
// believed about how many there are: a process that dies while it appends leaves
// nothing to repair but a tail, which Cut removes. Committed rows are never
// written again.
package column

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Format is how the files of a column look.
type Format struct {
	RowBytes int64
	// Header is the header of a file with that many committed rows. Its length
	// does not depend on rows.
	Header func(rows int64) []byte
	// Check returns an error that says why a header is not this column's.
	Check func(header []byte) error
}

func (f Format) headerBytes() int64 { return int64(len(f.Header(0))) }

// Size is the length in bytes of a file with so many rows.
func (f Format) Size(rows int64) int64 { return f.headerBytes() + rows*f.RowBytes }

// DamageError says that a file is not what its owner remembers.
type DamageError struct{ Path, Problem string }

func (e *DamageError) Error() string { return fmt.Sprintf("%q: %s", e.Path, e.Problem) }

// File is an open column. Reads may be concurrent, also with one Append.
type File struct {
	*os.File
	format Format
}

// Create makes an empty file at path, in the place of one that does not count,
// and syncs it. Its name is durable once the caller has synced the folder.
func Create(path string, f Format) (*File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	if _, err = file.Write(f.Header(0)); err == nil {
		err = file.Sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("writing %q: %w", path, err), file.Close())
	}
	return &File{file, f}, nil
}

// Open opens a file that has at least rows rows, for reading (os.O_RDONLY) or for
// both (os.O_RDWR). A file that is missing or another one's is a *DamageError.
func Open(path string, f Format, rows int64, flag int) (*File, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &DamageError{path, "it is not a file"}
	}
	file, err := os.OpenFile(path, flag, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamageError{path, "it is missing"}
	}
	if err != nil {
		return nil, err
	}
	c := &File{file, f}
	if err := c.check(rows); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

func (c *File) check(rows int64) error {
	head := make([]byte, c.format.headerBytes())
	if _, err := c.ReadAt(head, 0); err != nil {
		return &DamageError{c.Name(), fmt.Sprintf("its header cannot be read: %v", err)}
	}
	if err := c.format.Check(head); err != nil {
		return &DamageError{c.Name(), err.Error()}
	}
	tail, err := c.Tail(rows)
	if err == nil && tail < 0 {
		need := c.format.Size(rows)
		err = &DamageError{c.Name(), fmt.Sprintf("it has %d bytes of %d", need+tail, need)}
	}
	return err
}

// Tail is how many bytes lie past the first rows rows; negative where rows are
// missing.
func (c *File) Tail(rows int64) (int64, error) {
	info, err := c.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size() - c.format.Size(rows), nil
}

// HeaderSays reports whether the header is the one of rows committed rows.
func (c *File) HeaderSays(rows int64) (bool, error) {
	want := c.format.Header(rows)
	head := make([]byte, len(want))
	_, err := c.ReadAt(head, 0)
	return string(head) == string(want), err
}

// WriteHeader makes the header say that there are so many rows.
func (c *File) WriteHeader(rows int64) error {
	_, err := c.WriteAt(c.format.Header(rows), 0)
	return err
}

// Append writes rows behind the first at ones. Sync makes them durable.
func (c *File) Append(at int64, rows []byte) error {
	_, err := c.WriteAt(rows, c.format.Size(at))
	return err
}

// Cut removes what lies past the first rows rows, and corrects the header.
func (c *File) Cut(rows int64) error {
	tail, err := c.Tail(rows)
	if err == nil && tail > 0 {
		err = c.Truncate(c.format.Size(rows))
	}
	if err != nil {
		return err
	}
	if says, err := c.HeaderSays(rows); err != nil || says {
		return err
	}
	return c.WriteHeader(rows)
}

// copyBytes is how much is read at once, rounded down to whole rows.
const copyBytes = 1 << 20

// CopyTo copies the first rows rows to an empty file, except those whose bit in
// skip is set (nil: none), and syncs it with its header. progress is told of rows
// that were looked at. It returns the checksums of what was written.
func (c *File) CopyTo(ctx context.Context, to *File, rows int64, skip []uint64, progress func(rows int)) (Extents, error) {
	var extents Extents
	width := c.format.RowBytes
	buf := make([]byte, max(copyBytes/width, 1)*width)
	for row := int64(0); row < rows; {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		n := min(int64(len(buf))/width, rows-row)
		block := buf[:n*width]
		if _, err := c.ReadAt(block, c.format.Size(row)); err != nil {
			return nil, err
		}
		block = without(block, width, row, skip)
		if err := to.Append(extents.Rows(), block); err != nil {
			return nil, fmt.Errorf("writing %q: %w", to.Name(), err)
		}
		extents = extents.Extend(block, width)
		row += n
		progress(int(n))
	}
	if err := errors.Join(to.WriteHeader(extents.Rows()), to.Sync()); err != nil {
		return nil, fmt.Errorf("writing %q: %w", to.Name(), err)
	}
	return extents, nil
}

// without moves the rows of a block that are not skipped together. The first row
// of the block has number first.
func without(block []byte, width, first int64, skip []uint64) []byte {
	if skip == nil {
		return block
	}
	kept := block[:0]
	for i := int64(0); i*width < int64(len(block)); i++ {
		if n := first + i; skip[n/64]>>(n%64)&1 == 0 {
			kept = append(kept, block[i*width:(i+1)*width]...)
		}
	}
	return kept
}

// Verify holds the first rows rows against their checksums, and passes all bytes
// to look. It reports each problem it finds; the error is for ctx.
func (c *File) Verify(ctx context.Context, rows int64, extents Extents, look io.Writer, report func(problem string)) error {
	next := int64(0)
	for _, e := range extents {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if e.First != next || e.Count < 1 || e.First+e.Count > rows {
			break
		}
		next = e.First + e.Count
		sum := newSum()
		_, err := io.Copy(io.MultiWriter(sum, look), io.NewSectionReader(c, c.format.Size(e.First), e.Count*c.format.RowBytes))
		switch {
		case err != nil:
			report(fmt.Sprintf("rows %d to %d cannot be read: %v", e.First, next-1, err))
		case sum.Sum32() != e.Sum:
			report(fmt.Sprintf("rows %d to %d fail their checksum", e.First, next-1))
		}
	}
	if next != rows {
		report(fmt.Sprintf("the checksums do not cover rows %d to %d", next, rows-1))
	}
	return nil
}
