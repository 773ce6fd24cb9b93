package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

// Problem is something in a store that is not as docs/format.md says.
type Problem struct {
	Kind     string // one of the constants below
	Path     string // the file
	Message  string
	Remedy   string // what a user can do
	Repaired bool
}

// Damage reports whether readers may miss something because of the problem. What
// no reader sees does no harm: the kill of a healthy store leaves it, and the next
// writer removes it. What only makes searches slower is no damage either.
func (p Problem) Damage() bool { return p.Kind != ProblemLeftover && p.Kind != ProblemSlow }

// The kinds of problems.
const (
	ProblemDatabase = "database" // SQLite finds its file damaged, or facts and bitmaps contradict each other
	ProblemIndex    = "index"    // header or size of the index file
	ProblemVectors  = "vectors"  // vectors that are not those that were written
	ProblemDocument = "document" // a document's row is missing, damaged or there twice
	ProblemMetadata = "metadata" // metadata, or the rows by which filters find it
	ProblemSource   = "source"   // a source's count of documents
	ProblemWords    = "words"    // the words by which documents are found
	ProblemCodes    = "codes"    // codes that are not those of the vectors
	ProblemSlow     = "slow"     // codes that are missing or belong to other vectors: searches do without
	ProblemLeftover = "leftover" // what no reader sees: a killed writer's, or nobody's
)

const remedyAgain = "delete the document and ingest its source again, or restore the store from a copy"

// problemsOfAKind is how many problems of one kind are told one by one.
const problemsOfAKind = 100

// Check holds everything in the store at dir against docs/format.md, without
// changing it. Writers are kept out meanwhile where the directory can be
// written. The error is for what keeps it from looking: ErrNotExist,
// *LockedError.
func Check(ctx context.Context, dir string, o engine.Options) (problems []Problem, err error) {
	if !Is(dir) {
		return check(ctx, dir, o)
	}
	lock, err := takeLock(ctx, dir, o)
	var locked *engine.LockedError
	switch {
	case err == nil:
		defer func() { err = errors.Join(err, releaseLock(lock)) }()
	case errors.As(err, &locked) || ctx.Err() != nil:
		return nil, fmt.Errorf("checking store %q: %w", dir, err)
	}
	problems, err = check(ctx, dir, o)
	if err != nil {
		return nil, fmt.Errorf("checking store %q: %w", dir, err)
	}
	return problems, nil
}

// check is Check for a caller who keeps writers out.
func check(ctx context.Context, dir string, o engine.Options) ([]Problem, error) {
	s, err := Open(ctx, dir, o)
	var format *engine.FormatError
	switch {
	case errors.As(err, &format):
		return []Problem{{Kind: ProblemDatabase, Path: format.Path, Message: format.Problem, Remedy: format.Remedy}}, nil
	case err != nil:
		return nil, err
	}
	c := &checker{s: s, count: map[string]int{}, allWords: o.AllWords}
	for _, part := range []func(context.Context) error{c.database, c.documents, c.ids, c.metadata, c.sources, c.words, c.index, c.codes, c.files} {
		if err == nil {
			err = part(ctx)
		}
		if errors.As(err, &format) { // found by a statement of its own: the rest of that part cannot be read
			c.add(ProblemDatabase, format.Path, cmp.Or(c.remedy, format.Remedy), "%s", format.Problem)
			err = nil
		}
	}
	return c.problems, errors.Join(err, s.Close())
}

// checker looks at one part after another and collects what it finds.
type checker struct {
	s         *Store
	problems  []Problem
	count     map[string]int
	remedy    string          // of a damaged database; empty where it is sound
	perSource map[int64]int64 // visible documents
	staged    int64           // documents that were never committed
	dead      int64           // rows of deleted documents that no sweep would meet
	fields    int64           // rows that table field should have
	allWords  bool            // words are compared with the texts of all documents
}

func (c *checker) add(kind, path, remedy, format string, args ...any) {
	switch c.count[kind]++; {
	case c.count[kind] == problemsOfAKind+1:
		c.problems = append(c.problems, Problem{Kind: kind, Path: path, Message: "and more of this kind", Remedy: remedy})
	case c.count[kind] <= problemsOfAKind:
		c.problems = append(c.problems, Problem{Kind: kind, Path: path, Message: fmt.Sprintf(format, args...), Remedy: remedy})
	}
}

// database asks SQLite itself.
func (c *checker) database(ctx context.Context) error {
	return c.s.view(ctx, func(t *tx) error {
		for row, err := range t.Query("PRAGMA integrity_check") {
			if err != nil {
				return err
			}
			message := row.Text(0)
			if message == "ok" {
				return nil
			}
			if c.remedy == "" {
				c.remedy = t.remedy()
			}
			c.add(ProblemDatabase, t.path, c.remedy, "%s", message)
		}
		return nil
	})
}

// remedy is what helps against damage of the database: where its tables can be read,
// its indexes can be made anew.
func (t *tx) remedy() string {
	for _, table := range ofKind("TABLE") {
		for _, err := range t.Query(`SELECT * FROM ` + table.name + ` NOT INDEXED`) {
			switch table.name {
			case "sidecar", "segment", "page":
			default:
				if err != nil {
					return remedyDamaged
				}
			}
		}
	}
	return remedyRepair
}

// ids finds ids that several visible documents have.
func (c *checker) ids(ctx context.Context) error {
	const query = `SELECT a.id, a.n, b.n FROM document a JOIN document b ON b.id = a.id AND b.n > a.n`
	return c.s.view(ctx, func(t *tx) error {
		for row, err := range t.Query(query) {
			if err != nil {
				return err
			}
			if t.alive(row.Int64(1)) && t.alive(row.Int64(2)) {
				c.add(ProblemDocument, t.path, remedyAgain, "documents %d and %d both have id %q", row.Int64(1), row.Int64(2), row.Text(0))
			}
		}
		return nil
	})
}

// sources holds the counts of sources against their documents.
func (c *checker) sources(ctx context.Context) error {
	return c.s.view(ctx, func(t *tx) error {
		for row, err := range t.Query(`SELECT source, name, documents FROM source`) {
			if err != nil {
				return err
			}
			if n := c.perSource[row.Int64(0)]; n != row.Int64(2) {
				c.add(ProblemSource, t.path, remedyRepair, "source %q has %d documents, not %d", row.Text(1), n, row.Int64(2))
			}
		}
		return nil
	})
}

// index holds the index file against the state: header, size, checksums.
func (c *checker) index(ctx context.Context) error {
	var file *column.File
	var extents column.Extents
	var rows int64
	err := c.s.view(ctx, func(t *tx) (err error) {
		rows = t.rows
		if extents, err = t.extents(); err == nil {
			file, err = openIndex(c.s.dir, t.state, os.O_RDONLY)
		}
		return err
	})
	var format *engine.FormatError
	if errors.As(err, &format) {
		c.add(ProblemIndex, format.Path, format.Remedy, "%s", format.Problem)
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := c.tail(file, rows); err != nil {
		return err
	}
	numbers := &numberCheck{}
	err = file.Verify(ctx, rows, extents, numbers, func(problem string) {
		c.add(ProblemVectors, file.Name(), remedyDamaged, "%s", problem)
	})
	if err == nil && numbers.infinite {
		c.add(ProblemVectors, file.Name(), remedyDamaged, "a vector has a number that is not finite")
	}
	return err
}

// tail finds what a killed writer left in the index file.
func (c *checker) tail(file *column.File, rows int64) error {
	extra, err := file.Tail(rows)
	if err != nil {
		return err
	}
	if extra > 0 {
		c.add(ProblemLeftover, file.Name(), remedyRepair, "%d bytes past the last vector", extra)
	}
	says, err := file.HeaderSays(rows)
	if err == nil && !says {
		c.add(ProblemLeftover, file.Name(), remedyRepair, "the header does not say what was committed last")
	}
	return err
}

// verifyVectors compares all vectors with their checksums, before they are copied.
// Damage is a *FormatError.
func (s *Store) verifyVectors(ctx context.Context) error {
	c := &checker{s: s, count: map[string]int{}}
	if err := c.index(ctx); err != nil {
		return err
	}
	for _, p := range c.problems {
		if p.Damage() {
			return &engine.FormatError{Path: p.Path, Problem: "damaged: " + p.Message, Remedy: p.Remedy}
		}
	}
	return nil
}

// files finds what does not belong into the directory.
func (c *checker) files(ctx context.Context) error {
	var named map[string]bool
	if err := c.s.view(ctx, func(t *tx) (err error) { named, err = t.files(); return err }); err != nil {
		return err
	}
	entries, err := os.ReadDir(c.s.dir)
	for _, entry := range entries {
		path := filepath.Join(c.s.dir, entry.Name())
		switch name := entry.Name(); {
		case name == databaseName, name == lockName, name == ignoreName, named[name], name == databaseName+"-journal":
		case name == buildName:
			c.add(ProblemLeftover, path, remedyRepair, "a database whose making was killed")
		case isStale(name, named):
			c.add(ProblemLeftover, path, remedyRepair, "a file that the store does not name")
		default:
			c.add(ProblemLeftover, path, "move it elsewhere", "nothing of a store's")
		}
	}
	return err
}

// numberCheck reports in infinite whether a float32 that is infinite or NaN was
// written to it.
type numberCheck struct {
	infinite bool
	rest     []byte // the first bytes of a number whose others are still to come
}

func (c *numberCheck) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	whole := len(c.rest) / vector.Size * vector.Size
	if _, err := vector.CheckRows(vector.FromBytes(c.rest[:whole]), 1); err != nil {
		c.infinite = true
	}
	c.rest = append(c.rest[:0], c.rest[whole:]...)
	return len(p), nil
}
