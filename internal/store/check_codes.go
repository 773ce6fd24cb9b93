package store

import (
	"context"
	"errors"
	"os"

	"sheaf/internal/codes"
	"sheaf/internal/column"
)

// codes holds the codes against their checksums and the vectors that they are made of.
func (c *checker) codes(ctx context.Context) error {
	var known coded
	var st *state
	var v vectors
	var file *codes.File
	var damaged error
	err := c.s.view(ctx, func(t *tx) (err error) {
		if known, err = t.coded(); err != nil || known.number == 0 {
			return err
		}
		st = t.state
		file, err = codes.Open(c.s.sidecarPath(codesKind, known.number), t.codesOrigin(), known.rows, os.O_RDONLY)
		v, damaged = openVectors(c.s.dir, t.state)
		return err
	})
	if file != nil {
		defer file.Close()
	}
	if damaged == nil && v.File != nil {
		defer v.Close()
	}
	var damage *column.DamageError
	switch {
	case errors.As(err, &damage):
		c.add(ProblemSlow, damage.Path, remedyRepair, "%s", damage.Problem)
		return nil
	case err != nil || file == nil || damaged != nil: // the vectors are looked at by the check of the index file
		return err
	}
	x := make([]float32, file.BlockRows()*int64(st.facts.Dim))
	seen := make([]uint64, (known.rows+63)/64)
	for first := int64(0); first < known.rows; first += file.BlockRows() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		numbers, err := file.Numbers(first)
		if err != nil {
			c.add(ProblemCodes, file.Name(), remedyRepair, "%v", err)
			continue
		}
		if err := v.flat.ReadRows(numbers, x); err != nil {
			return nil // see above
		}
		if err := file.Verify(first, x); err != nil {
			c.add(ProblemCodes, file.Name(), remedyRepair, "%v", err)
		}
		for _, row := range numbers {
			if seen[row/64]>>(row%64)&1 != 0 {
				c.add(ProblemCodes, file.Name(), remedyRepair, "row %d has codes twice", row)
			}
			seen[row/64] |= 1 << (row % 64)
		}
	}
	return errors.Join(c.codesTail(file, known.rows), c.lists(ctx))
}

// lists finds out whether the lists of the codes can be read. That they do not fit any more
// is no problem: compact makes them anew.
func (c *checker) lists(ctx context.Context) error {
	err := c.s.view(ctx, func(t *tx) error {
		_, _, err := c.s.readLists(t, true)
		return err
	})
	var damage *column.DamageError
	if errors.As(err, &damage) {
		c.add(ProblemSlow, damage.Path, remedyRepair, "%s", damage.Problem)
		return nil
	}
	return err
}

// codesTail finds what a killed writer left behind the codes.
func (c *checker) codesTail(file *codes.File, rows int64) error {
	extra, err := file.Extra(rows)
	if err == nil && extra > 0 {
		c.add(ProblemLeftover, file.Name(), remedyRepair, "%d bytes past the last codes", extra)
	}
	return err
}
