package loader

import (
	"errors"
	"fmt"
)

// openingRecords is how many records without a text are read before a file counts as one without texts.
const openingRecords = 20

// errPretty is the error of a file whose objects have more than a line each.
var errPretty = errors.New("not one JSON object a line: is it formatted over several lines? (jq -c . puts each on one)")

// missingTextError is the error of a record without a field that holds its text.
type missingTextError struct {
	wanted, has []string
}

func (e *missingTextError) Error() string {
	return fmt.Sprintf("field %s is missing", quoted(e.wanted[:1]))
}

// opening keeps the errors of a file's first records until it is clear whether those records fail alone or the file is
// not what it is read as.
type opening struct {
	yield func(Record, error) bool
	held  []error
	over  bool  // records are passed on
	err   error // why the file cannot be read
}

// next takes the next record, and returns whether there may be another.
func (o *opening) next(rec Record, err error) bool {
	var missing *missingTextError
	switch {
	case o.over:
		return o.yield(rec, err)
	case errors.As(err, &missing):
		if o.held = append(o.held, err); len(o.held) < openingRecords {
			return true
		}
		o.err = &NoTextError{missing.wanted, o.firstFields()}
		return false
	case errors.Is(err, errTorn) && len(o.held) == 0:
		o.held = append(o.held, err)
		return true
	case err != nil && len(o.held) > 0 && errors.Is(o.held[0], errTorn):
		o.err = errPretty
		return false
	}
	return o.flush() && o.yield(rec, err)
}

// flush passes on what was kept.
func (o *opening) flush() bool {
	o.over = true
	for _, err := range o.held {
		if !o.yield(Record{}, err) {
			return false
		}
	}
	return true
}

// firstFields returns the fields of the first record without a text.
func (o *opening) firstFields() []string {
	for _, err := range o.held {
		if missing := (*missingTextError)(nil); errors.As(err, &missing) {
			return missing.has
		}
	}
	return nil
}

// end returns the error of the file, given the one that ended its reading.
func (o *opening) end(err error) error {
	var missing *missingTextError
	switch {
	case o.err != nil:
		return o.err
	case err != nil || o.over || len(o.held) == 0:
		return err
	case errors.As(o.held[len(o.held)-1], &missing):
		return &NoTextError{missing.wanted, o.firstFields()}
	case !o.flush():
		return errStopped
	}
	return nil
}
